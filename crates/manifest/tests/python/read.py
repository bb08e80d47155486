"""Reads the manifests of a small study with the readers that people have, and holds them to what they say of themselves.

    pip install -r requirements.txt
    python read.py FOLDER

FOLDER holds a folder for each stage with what it wrote. Each check prints a line; the first that fails ends with its traceback.
"""

import json
import os
import pathlib
import re
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HOME=tempfile.mkdtemp())

import blake3
import datasets
import duckdb
import pandas
import PIL.Image
import polars
import pyarrow
import pyarrow.parquet


def same_rows(path):
    """DuckDB, pandas and Polars see the rows that pyarrow sees, to the last value."""
    table = pyarrow.parquet.read_table(path)
    expected = table.to_pylist()
    assert len(expected) == pyarrow.parquet.read_metadata(path).num_rows
    relation = duckdb.read_parquet(str(path))
    names, rows = relation.columns, relation.fetchall()
    assert [dict(zip(names, row)) for row in rows] == expected, "DuckDB"
    assert polars.read_parquet(path).to_dicts() == expected, "Polars"
    frame = pandas.read_parquet(path, dtype_backend="pyarrow")
    assert pyarrow.Table.from_pandas(frame, preserve_index=False).to_pylist() == expected, "pandas"
    footer = pyarrow.parquet.read_metadata(path).metadata
    schema, provenance = footer[b"twinset.schema"].decode(), json.loads(footer[b"twinset.provenance"])
    assert re.fullmatch(r"[a-z-]+/[0-9]+", schema) and provenance["stage"], path
    print(f"{path.parent.name}/{path.name}: {schema}, {len(expected)} rows, the same in DuckDB, pandas, Polars and pyarrow")


def pictures(path):
    """Hugging Face's `datasets` decodes the pictures; the digest is of what it decodes, and labels are shown as class names."""
    if pyarrow.parquet.read_metadata(path).num_rows == 0:
        print(f"{path.parent.name}/{path.name}: no pictures, and `datasets` refuses files without rows")
        return
    images = datasets.load_dataset("parquet", data_files=str(path), split="train")
    label = images.features["label"]
    footer = json.loads(pyarrow.parquet.read_metadata(path).metadata[b"huggingface"])
    assert isinstance(label, datasets.ClassLabel), label
    assert label.names == footer["info"]["features"]["label"]["names"]
    for row in images:
        picture = row["image"]
        assert isinstance(picture, PIL.Image.Image) and picture.size == (row["width"], row["height"])
        size = b"".join(side.to_bytes(4, "little") for side in picture.size)
        assert blake3.blake3(size + picture.convert("RGB").tobytes()).hexdigest() == row["pixels_blake3"]
        assert label.int2str(row["label"]) == row["class_name"]
    print(f"{path.parent.name}/{path.name}: {len(images)} pictures decode in `datasets`, {len(label.names)} classes by name")


def main(folder):
    datasets.disable_progress_bars()
    manifests = sorted(folder.glob("*/*.parquet"))
    assert len(manifests) >= 10, f"a study has more than {len(manifests)} manifests"
    for path in manifests:
        same_rows(path)
    pictured = [path for path in manifests if path.name.endswith("images.parquet")]
    assert pictured, "no images"
    for path in pictured:
        pictures(path)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
