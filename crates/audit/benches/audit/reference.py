"""Our program, DuckDB in Python, and the program `duckdb` if there is one, answer the same questions, in turn. Told are medians: seconds on the clock, and of processor time."""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

import duckdb

task = json.load(sys.stdin)


def of_program(command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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


beside = os.path.join(os.path.dirname(sys.executable), "duckdb")
program = beside if os.path.exists(beside) else shutil.which("duckdb")
answers = []
for question in task["questions"]:
    ours, theirs, theirs_as_program = [], [], []
    for _ in range(task["rounds"]):
        ours.append(of_program([task["program"], *question["ours"]]))
        theirs.append(of_duckdb(question["query"]))
        if program:
            theirs_as_program.append(of_program([program, "-csv", "-c", f"SET threads = 1; {question['query']}"]))
    answer = {"ours": medians(ours), "duckdb": medians(theirs)}
    answers.append(answer | {"program": medians(theirs_as_program) if program else None})
version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split()[0] if program else None
print(json.dumps({"version": duckdb.__version__, "program": version, "answers": answers}))
