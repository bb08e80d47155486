"""Asks the questions of SCHEMAS.md of real manifests: DuckDB, pandas, Polars and twinset-audit must give one answer.

    pip install duckdb pandas polars pyarrow
    python examples.py SCHEMAS.md FOLDER [--audit PROGRAM]

The folder holds images.parquet, pairs.parquet, clusters.parquet, trainset.parquet, predictions.parquet and cells.parquet,
or some of them. Without --audit its SQL is given to Polars, whose dialect it is.
"""

import argparse
import ast
import csv
import io
import math
import os
import pathlib
import re
import shlex
import subprocess

import duckdb
import pandas as pd
import polars as pl


def of_python(code):
    """The last expression of a program."""
    program = ast.parse(code)
    last = ast.Expression(program.body.pop().value)
    names = {}
    exec(compile(program, "SCHEMAS.md", "exec"), names)
    return eval(compile(last, "SCHEMAS.md", "eval"), names)


def of_audit(command, program):
    words = shlex.split(command)
    assert words[:2] == ["twinset-audit", "sql"] and words[3:] == ["FOLDER"], words
    if program:
        text = subprocess.check_output([program, "sql", words[2], ".", "--format", "csv"], text=True)
        rows = list(csv.reader(io.StringIO(text)))
        return rows[0], rows[1:]
    tables = {path.stem.replace("-", "_"): pl.scan_parquet(path) for path in pathlib.Path(".").glob("*.parquet")}
    frame = pl.SQLContext(tables).execute(words[2], eager=True)
    return frame.columns, frame.rows()


def plain(value):
    """A value as text, so that all answers can be compared."""
    if value is None or value is pd.NA or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    try:
        return f"{float(value):.6g}"
    except ValueError:
        return str(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schemas", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--audit", type=pathlib.Path)
    arguments = parser.parse_args()
    text = arguments.schemas.read_text()
    audit = arguments.audit and arguments.audit.absolute()
    os.chdir(arguments.folder)
    n_asked = 0
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        blocks = dict()
        for language, code in re.findall(r"^```(\w+)\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL):
            blocks[code.split("\n")[0].split()[-1] if language == "python" else language] = code
        schema = section.split("\n")[0]
        manifest = pathlib.Path(schema.split("/")[0] + ".parquet")
        if not blocks or not manifest.exists():
            continue
        relation = duckdb.sql(blocks["sql"])
        answers = {"DuckDB": (relation.columns, relation.fetchall())}
        frame = of_python(blocks["pd"])
        answers["pandas"] = (list(frame.columns), list(frame.itertuples(index=False)))
        frame = of_python(blocks["pl"])
        answers["Polars"] = (frame.columns, frame.rows())
        answers["twinset-audit"] = of_audit(blocks["sh"], audit)
        answers = {
            tool: (list(columns), [[plain(value) for value in row] for row in rows])
            for tool, (columns, rows) in answers.items()
        }
        expected = answers["DuckDB"]
        assert expected[1], f"{schema}: no rows"
        for tool, answer in answers.items():
            assert answer == expected, f"{schema}: {tool} says {answer}, DuckDB {expected}"
        print(f"{schema}: {len(expected[1])} rows, one answer of four")
        n_asked += 1
    assert n_asked, "no manifest of a schema with a question"


if __name__ == "__main__":
    main()
