"""Our program and DuckDB answer the same questions, in turn. Told are medians: seconds on the clock, and of processor time."""

import json
import resource
import statistics
import subprocess
import sys
import time

import duckdb

task = json.load(sys.stdin)


def of_ours(arguments):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([task["program"], *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def of_duckdb(query):
    connection = duckdb.connect()
    connection.execute("SET threads = 1; SET enable_progress_bar = false")
    start, cpu = time.perf_counter(), time.process_time()
    connection.execute(query).fetchall()
    return time.perf_counter() - start, time.process_time() - cpu


def medians(rounds):
    wall, cpu = zip(*rounds)
    return {"wall": statistics.median(wall), "cpu": statistics.median(cpu)}


answers = []
for question in task["questions"]:
    ours, theirs = [], []
    for _ in range(task["rounds"]):
        ours.append(of_ours(question["ours"]))
        theirs.append(of_duckdb(question["query"]))
    answers.append({"ours": medians(ours), "duckdb": medians(theirs)})
print(json.dumps({"version": duckdb.__version__, "answers": answers}))
