"""Writes the files here anew: what Hugging Face `datasets`, pandas with pyarrow, and `webdataset` make of a few images.

    python3 -m venv venv && venv/bin/pip install datasets==5.2.0 pillow==13.0.0 pandas webdataset==1.0.2 && venv/bin/python make.py

Image k of a set has 6 x 4 pixels of one colour, (10 k, 20, 200), unless it is there to be of another kind.
"""

import io
import json
import os
import shutil

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import webdataset as wds
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = ["cat", "dog"]


def colour(k):
    return Image.new("RGB", (6, 4), (10 * k, 20, 200))


def encoded(image, kind="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def split(first, n):
    return {"image": [colour(k) for k in range(first, first + n)], "label": [k % 2 for k in range(n)]}


def pushed():
    """A dataset as `push_to_hub` lays it out, with class labels; train in two shards."""
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=CLASSES)})
    data = os.path.join(HERE, "hugging-face", "data")
    os.makedirs(data)
    train = datasets.Dataset.from_dict(split(0, 6), features=features)
    for index in range(2):
        shard = train.shard(2, index, contiguous=True)
        shard.to_parquet(os.path.join(data, f"train-{index:05}-of-00002.parquet"))
    for name, first, n in [("validation", 6, 2), ("test", 8, 4)]:
        part = datasets.Dataset.from_dict(split(first, n), features=features)
        part.to_parquet(os.path.join(data, f"{name}-00000-of-00001.parquet"))


def one_file(name, dataset):
    os.makedirs(os.path.join(HERE, "hugging-face-kinds"), exist_ok=True)
    dataset.to_parquet(os.path.join(HERE, "hugging-face-kinds", name))


def kinds():
    """One file each: text labels, plain numbers, no label for one, and images of every kind of pixel."""
    images = [colour(k) for k in range(4)]
    image = datasets.Image()
    text = datasets.Features({"img": image, "kind": datasets.Value("large_string")})
    names = ["dog", "cat", "dog", "cow"]
    one_file("text.parquet", datasets.Dataset.from_dict({"img": images, "kind": names}, features=text))
    numbers = datasets.Features({"image": image, "labels": datasets.Value("int32")})
    labels = [2, 0, -1, None]
    one_file("numbers.parquet", datasets.Dataset.from_dict({"image": images, "labels": labels}, features=numbers))

    grey = Image.fromarray(np.full((4, 6), 90, dtype=np.uint8))
    deep = Image.fromarray(np.full((4, 6), 90 * 257, dtype=np.uint16))
    alpha = Image.new("RGBA", (6, 4), (90, 20, 200, 0))
    cmyk = Image.new("CMYK", (6, 4), (0, 255, 255, 0))
    pixels = [
        {"bytes": encoded(grey), "path": None},
        {"bytes": encoded(deep), "path": "deep.png"},
        {"bytes": encoded(alpha), "path": None},
        {"bytes": encoded(cmyk, "JPEG"), "path": None},
    ]
    features = datasets.Features({"image": image, "label": datasets.ClassLabel(names=CLASSES)})
    one_file("pixels.parquet", datasets.Dataset.from_dict({"image": pixels, "label": [0, 1, 0, 1]}, features=features))

    large = pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())])
    rows = [{"bytes": encoded(colour(k)), "path": f"{k}.png"} for k in range(2)] + [{"bytes": None, "path": "2.png"}]
    table = pa.table({"image": pa.array(rows, large), "label": pa.array([1, 0, 1], pa.uint8())})
    pq.write_table(table, os.path.join(HERE, "hugging-face-kinds", "large.parquet"), compression="zstd")


def shards():
    """WebDataset shards, as its own writer makes them."""
    folder = os.path.join(HERE, "webdataset")
    os.makedirs(folder)
    with wds.TarWriter(os.path.join(folder, "train-000.tar"), mtime=0) as tar:
        for k in range(4):
            tar.write({"__key__": f"sample{k:03}", "png": encoded(colour(k)), "cls": k % 2})
    with wds.TarWriter(os.path.join(folder, "test-000.tar.gz"), mtime=0) as tar:
        for k in range(4, 6):
            tar.write({"__key__": f"sample{k:03}", "json": {"label": k % 2, "id": k}, "png": encoded(colour(k))})


def table():
    """A Parquet of labels, as pandas writes it."""
    import pandas

    frame = pandas.DataFrame({
        "file": ["a/0.png", "a/1.png", "b/2.png"],
        "class": pandas.Categorical(["dog", "cat", "dog"]),
        "part": ["train", "train", "test"],
    })
    frame.to_parquet(os.path.join(HERE, "labels.parquet"), index=False)


for made in ["hugging-face", "hugging-face-kinds", "webdataset"]:
    shutil.rmtree(os.path.join(HERE, made), ignore_errors=True)
pushed()
kinds()
shards()
table()
