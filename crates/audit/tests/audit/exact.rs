//! SQL's answers about whole numbers, EXISTS and averages: the values stated here, which are DuckDB's, too, where Python has it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use tempfile::TempDir;
use twinset_audit::Tree;
use twinset_audit::sql::{names, query, rows};

const WIDE: u64 = u64::MAX - 1;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A table `t` of five rows and a table `v` of four that names three of these.
fn tables() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let large = 1 << 60;
    write(
        &folder.path().join("t.parquet"),
        vec![
            ("id", Arc::new(UInt64Array::from(vec![1, 2, 3, 4, 5]))),
            ("a", Arc::new(UInt64Array::from(vec![Some(3), Some(5), Some(0), None, Some(7)]))),
            ("b", Arc::new(UInt64Array::from(vec![5, 3, 0, 2, 7]))),
            ("wide", Arc::new(UInt64Array::from(vec![Some(WIDE), Some(WIDE), Some(1), None, Some(2)]))),
            ("large", Arc::new(Int64Array::from(vec![large + 1, -large, i64::MAX, i64::MAX - 4, 4]))),
            ("share", Arc::new(Float64Array::from(vec![Some(0.5), Some(1.5), None, Some(-2.0), Some(4.0)]))),
            ("kind", Arc::new(StringArray::from(vec!["x", "y", "x", "y", "z"]))),
        ],
    );
    write(
        &folder.path().join("v.parquet"),
        vec![
            ("t_id", Arc::new(UInt64Array::from(vec![Some(1), Some(1), Some(3), None]))),
            ("kind", Arc::new(StringArray::from(vec!["x", "y", "y", "x"]))),
            ("weight", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
        ],
    );
    folder
}

fn asked(folder: &Path, sql: &str) -> Result<Vec<Vec<Value>>, String> {
    let tree = Tree::alone(folder).unwrap();
    query(sql, &names(&tree)).map(|answer| rows(&answer.frame).collect()).map_err(|error| error.to_string())
}

/// DuckDB's answers to all of these queries; none where Python does not have it.
fn duckdb(folder: &Path, queries: &[&str]) -> Option<Vec<Vec<Vec<Value>>>> {
    const SCRIPT: &str = "
import duckdb, json, sys
for table in ('t', 'v'):
    duckdb.execute(f\"CREATE TABLE {table} AS FROM '{table}.parquet'\")
# Numbers of ours have a sign.
duckdb.execute('ALTER TABLE t ALTER a TYPE BIGINT; ALTER TABLE t ALTER b TYPE BIGINT; ALTER TABLE t ALTER id TYPE BIGINT')
duckdb.execute('ALTER TABLE t ALTER wide TYPE HUGEINT')
print(json.dumps([duckdb.execute(query).fetchall() for query in json.loads(sys.argv[1])], default=str))
";
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, &json!(queries).to_string()]).current_dir(folder);
    if let Some(packages) = std::env::var_os("TWINSET_READERS") {
        command.env("PYTHONPATH", packages);
    }
    let output = command.output().ok()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        assert!(stderr.contains("No module named 'duckdb'"), "{stderr}");
        eprintln!("left out: Python has no DuckDB");
        return None;
    }
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Numbers of more than 64 bits are text here, and of DuckDB's some are floats.
fn is_equal(left: &Value, right: &Value) -> bool {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match (number(left), number(right)) {
        (Some(one), Some(other)) if left.is_number() || right.is_number() => {
            (one - other).abs() <= 1e-12 * one.abs().max(other.abs())
        }
        _ => left == right,
    }
}

#[track_caller]
fn check(cases: &[(&str, Value)]) {
    let folder = tables();
    let queries: Vec<&str> = cases.iter().map(|(query, _)| *query).collect();
    let of_duckdb = duckdb(folder.path(), &queries);
    for (place, (query, expected)) in cases.iter().enumerate() {
        let found = asked(folder.path(), query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let others = of_duckdb.iter().map(|answers| ("DuckDB", json!(answers[place])));
        for (who, other) in [("stated", expected.clone())].into_iter().chain(others) {
            let is_same = found.len() == other.as_array().unwrap().len()
                && found.iter().zip(other.as_array().unwrap()).all(|(row, other)| {
                    let other = other.as_array().unwrap();
                    row.len() == other.len() && row.iter().zip(other).all(|(left, right)| is_equal(left, right))
                });
            assert!(is_same, "{query}\nfound {}\n{who} {other}", json!(found));
        }
    }
}

#[test]
fn differences_below_zero_are_below_zero() {
    check(&[
        ("SELECT a - b FROM t ORDER BY id", json!([[-2], [2], [0], [null], [0]])),
        ("SELECT MIN(a - b) AS x, MAX(a - b) AS y, SUM(a - b) AS z FROM t", json!([[-2, 2, 0]])),
        ("SELECT COUNT(*) - 9 FROM t", json!([[-4]])),
        ("SELECT LENGTH(kind) - 3 AS n FROM t ORDER BY id LIMIT 1", json!([[-2]])),
        ("SELECT kind, COUNT(*) - 2 AS n FROM t GROUP BY kind ORDER BY kind", json!([["x", 0], ["y", 0], ["z", -1]])),
        (
            "SELECT kind, 1 - COUNT(*) AS n, SUM(a) - SUM(b) AS d FROM t GROUP BY kind ORDER BY kind",
            json!([["x", -1, -2], ["y", -1, 0], ["z", 0, 0]]),
        ),
        ("SELECT id FROM t WHERE a - b < 0", json!([[1]])),
        ("SELECT -COUNT(*) AS n FROM t", json!([[-5]])),
        (
            "SELECT kind, COUNT(*) AS n FROM t GROUP BY kind HAVING COUNT(*) > -1 AND COUNT(*) - 2 < 0",
            json!([["z", 1]]),
        ),
        (
            "WITH c AS (SELECT id, a - b AS d FROM t), e AS (SELECT d FROM c WHERE id < 3) SELECT SUM(d) AS s, COUNT(*) - 9 AS n FROM e",
            json!([[0, -7]]),
        ),
        (
            "SELECT a - b AS d FROM t WHERE id < 3 UNION ALL SELECT weight - 9 AS d FROM v WHERE weight = 1",
            json!([[-2], [2], [-8]]),
        ),
        ("SELECT id FROM t WHERE id IN (SELECT t_id + 1 FROM v) ORDER BY id", json!([[2], [4]])),
        ("SELECT id, -b // 2 AS q, -b % 2 AS r FROM t ORDER BY id LIMIT 1", json!([[1, -2, -1]])),
        ("SELECT id FROM t WHERE LENGTH(kind) > -1 AND id > 4", json!([[5]])),
        (
            "SELECT n - 4 AS d FROM (SELECT kind, COUNT(*) AS n FROM t GROUP BY kind) AS g ORDER BY kind",
            json!([[-2], [-2], [-3]]),
        ),
        ("SELECT ROW_NUMBER() OVER (ORDER BY id) - 3 AS n FROM t ORDER BY id", json!([[-2], [-1], [0], [1], [2]])),
        (
            "SELECT wide - 2 AS d FROM t ORDER BY id",
            json!([["18446744073709551612"], ["18446744073709551612"], [-1], [null], [0]]),
        ),
        ("SELECT 2 * a + b - 1 AS n FROM t ORDER BY id", json!([[10], [12], [-1], [null], [20]])),
        ("SELECT a * share AS n FROM t WHERE id = 2", json!([[7.5]])),
        ("SELECT (a - b) / 2 AS n FROM t WHERE id = 1", json!([[-1.0]])),
        ("SELECT a - b AS d, COUNT(*) AS n FROM t GROUP BY a - b ORDER BY n DESC, d LIMIT 1", json!([[0, 2]])),
        ("SELECT t.id FROM t JOIN v ON t.id = v.t_id WHERE t.b - v.weight = 3 AND v.kind = 'y'", json!([[1]])),
    ]);
}

#[test]
fn sums_and_averages_of_large_numbers_are_exact() {
    check(&[
        ("SELECT SUM(CAST(large AS HUGEINT)) AS s FROM t WHERE id > 2", json!([["18446744073709551614"]])),
        ("SELECT SUM(wide) FROM t", json!([["36893488147419103231"]])),
        ("SELECT AVG(large) FROM t WHERE id < 3", json!([[0.5]])),
        ("SELECT AVG(wide) FROM t", json!([[9.223372036854776e18]])),
        ("SELECT AVG(large) FROM t WHERE id IN (3, 4)", json!([[9.223372036854776e18]])),
        ("SELECT AVG(a) FROM t", json!([[3.75]])),
        ("SELECT AVG(share) AS m, SUM(share) AS s FROM t", json!([[1.0, 4.0]])),
        ("SELECT AVG(a) AS x, SUM(a) AS y, AVG(share) AS z FROM t WHERE id > 99", json!([[null, null, null]])),
        (
            "SELECT kind, AVG(wide) AS m, SUM(CAST(large AS HUGEINT)) AS s FROM t GROUP BY kind ORDER BY kind",
            json!([
                ["x", 9.223372036854776e18, "10376293541461622784"],
                ["y", 1.8446744073709552e19, "8070450532247928827"],
                ["z", 2.0, 4]
            ]),
        ),
        (
            "SELECT kind, SUM(a) AS s FROM t GROUP BY kind HAVING SUM(a) > 4 ORDER BY s DESC, kind",
            json!([["z", 7], ["y", 5]]),
        ),
        (
            "SELECT kind, AVG(b) AS m FROM t GROUP BY kind ORDER BY m DESC, kind",
            json!([["z", 7.0], ["x", 2.5], ["y", 2.5]]),
        ),
        (
            "SELECT id, AVG(b) OVER (PARTITION BY kind) AS m FROM t ORDER BY id",
            json!([[1, 2.5], [2, 2.5], [3, 2.5], [4, 2.5], [5, 7.0]]),
        ),
        (
            "SELECT s.kind FROM (SELECT kind, SUM(b) AS s FROM t GROUP BY kind) AS s JOIN t ON t.b = s.s WHERE t.id < 5 ORDER BY 1",
            json!([["x"], ["y"]]),
        ),
        ("SELECT large * 0.5 AS n FROM t WHERE id = 5", json!([[2.0]])),
        ("SELECT CAST(large AS HUGEINT) * 4 AS n FROM t WHERE id = 1", json!([[4611686018427387908_i64]])),
    ]);
    let folder = tables();
    for (query, said) in [
        (
            "SELECT SUM(large) AS s FROM t WHERE id > 2",
            "SUM(large) is 18446744073709551614, which has more than 64 bits: write",
        ),
        ("SELECT b // (a - 3) AS q FROM t WHERE id = 1", "5 // 0 is a division by zero: write NULLIF(…, 0)"),
        ("SELECT large * 4 AS n FROM t WHERE id = 3", "9223372036854775807 * 4 has more than 64 bits"),
        ("SELECT large + large AS n FROM t WHERE id = 4", "has more than 64 bits: write CAST(… AS HUGEINT)"),
        ("SELECT 0 - large - large AS n FROM t WHERE id = 3", "has more than 64 bits"),
    ] {
        let error = asked(folder.path(), query).unwrap_err();
        assert!(error.contains(said), "{query}: {error}");
    }
}

#[test]
fn exists_is_answered_or_told_of() {
    check(&[
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM v WHERE v.t_id = t.id) ORDER BY id", json!([[1], [3]])),
        ("SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM v WHERE v.t_id = t.id) ORDER BY id", json!([[2], [4], [5]])),
        (
            "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM v WHERE v.t_id = t.id AND v.weight > 2) ORDER BY id",
            json!([[3]]),
        ),
        // Both tables have a column `kind`.
        (
            "SELECT id FROM t WHERE EXISTS (SELECT * FROM v WHERE v.t_id = t.id AND v.kind = 'x') ORDER BY id",
            json!([[1]]),
        ),
        (
            "SELECT id FROM t WHERE id = 2 OR EXISTS (SELECT 1 FROM v WHERE v.t_id = t.id) ORDER BY id",
            json!([[1], [2], [3]]),
        ),
        ("SELECT weight FROM v WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.id = v.t_id) ORDER BY 1", json!([[4]])),
        (
            "SELECT id FROM t AS o WHERE NOT EXISTS (SELECT * FROM v AS i WHERE i.kind = 'y' AND i.t_id = o.id) AND o.kind = 'x'",
            json!([]),
        ),
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM v WHERE weight > 3) ORDER BY id LIMIT 1", json!([[1]])),
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM v WHERE weight > 4)", json!([])),
        ("SELECT COUNT(*) AS n FROM t WHERE NOT EXISTS (SELECT 1 FROM v WHERE weight > 4)", json!([[5]])),
        ("SELECT COUNT(*) AS n FROM t WHERE NOT EXISTS (SELECT 1 FROM v)", json!([[0]])),
        (
            "SELECT id FROM t WHERE id NOT IN (SELECT t_id FROM v WHERE t_id IS NOT NULL) ORDER BY id",
            json!([[2], [4], [5]]),
        ),
        ("SELECT id FROM t WHERE id NOT IN (SELECT t_id FROM v)", json!([])),
        (
            "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM v WHERE v.t_id = t.id) AND EXISTS (SELECT 1 FROM v WHERE v.t_id = t.id AND v.kind = 'y') ORDER BY id",
            json!([[1], [3]]),
        ),
    ]);
    let folder = tables();
    for query in [
        "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM v WHERE v.weight > t.id)",
        "SELECT id FROM t WHERE EXISTS (SELECT * FROM v WHERE v.t_id = t.id AND v.kind = t.kind)",
        "SELECT id FROM t WHERE EXISTS (SELECT COUNT(*) FROM v WHERE v.t_id = t.id)",
        "SELECT id, EXISTS (SELECT 1 FROM v WHERE v.t_id = t.id) AS e FROM t",
    ] {
        let error = asked(folder.path(), query).unwrap_err();
        assert!(error.contains("EXISTS") && error.contains("write "), "{query}: {error}");
    }
}
