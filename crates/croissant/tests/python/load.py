"""Reads folders with a croissant.json as others would: validates it, and loads every record of every record set.

    pip install mlcroissant pyarrow pillow
    python load.py FOLDER ...
"""

import logging
import numbers
import pathlib
import sys

import mlcroissant
import pyarrow.parquet


def load(folder: pathlib.Path) -> None:
    dataset = mlcroissant.Dataset(str(folder / "croissant.json"))  # raises on what is no valid Croissant
    errors = dataset.metadata.ctx.issues.errors
    assert not errors, errors
    files = [file for file in dataset.metadata.distribution if isinstance(file, mlcroissant.FileObject)]
    for file in files:
        assert (folder / file.content_url).stat().st_size == int(file.content_size.removesuffix(" B")), file.id
    for record_set in dataset.metadata.record_sets:
        records = list(dataset.records(record_set.id))
        manifests = [folder / f"{record_set.id}.parquet", *(folder / record_set.id).glob("*.parquet")]
        if manifests := [manifest for manifest in manifests if manifest.exists()]:
            expected = sum(pyarrow.parquet.read_metadata(manifest).num_rows for manifest in manifests)
            assert len(records) == expected, (record_set.id, len(records), expected)
        n_images = 0
        for record in records:
            label = record.get(f"{record_set.id}/label")
            assert label is None or isinstance(label, numbers.Integral), label
            image = record.get(f"{record_set.id}/image")
            if image is not None:
                size = (record[f"{record_set.id}/width"], record[f"{record_set.id}/height"])
                image.load()
                assert image.size == size, (image.size, size)
                n_images += 1
        print(f"{folder.name}/{record_set.id}: {len(records)} records, {n_images} images decoded")


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    for argument in sys.argv[1:]:
        load(pathlib.Path(argument))
