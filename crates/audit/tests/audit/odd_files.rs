//! Files as other programs write them: large numbers, two columns of one name, every codec.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, Int64Array, StringArray, UInt64Array};
use parquet::basic::{BrotliLevel, Compression, GzipLevel};
use serde_json::json;
use twinset_audit::stats::columns;
use twinset_manifest::Untyped;

use crate::types::{asked, compressed, file, shown, stats};
use crate::{refusal, stdout};

#[test]
fn unsigned_numbers_are_subtracted_rightly() {
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1]));
    let small: ArrayRef = Arc::new(UInt64Array::from(vec![1, 3]));
    let (_folder, path) = file(vec![("large", large), ("small", small)]);
    let difference = asked(&path, "SELECT small - large FROM t").unwrap();
    assert_eq!(difference, [[json!("-18446744073709551614")], [json!(2)]]);
    assert_eq!(asked(&path, "SELECT small FROM t WHERE large > 9223372036854775807").unwrap(), [[json!(1)]]);
    let joined = asked(&path, "SELECT a.small FROM t AS a JOIN t AS b ON a.small = b.small").unwrap();
    assert_eq!(joined, [[json!(1)], [json!(3)]]);
    assert_eq!(shown(&path, Some("large > 9223372036854775807")).unwrap().len(), 1);
}

/// Polars groups by no numbers of 128 bits.
#[test]
fn what_cannot_be_grouped_by_is_named() {
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1, 1]));
    let price = Decimal128Array::from(vec![1020, 950, 950]).with_precision_and_scale(10, 2).unwrap();
    let (folder, _) = file(vec![
        ("large", large),
        ("price", Arc::new(price)),
        ("n", Arc::new(Int32Array::from(vec![Some(1), None, Some(0)]))),
    ]);
    for (column, data_type) in [("large", "uint64"), ("price", "decimal128(10, 2)")] {
        let query = format!("SELECT {column}, COUNT(*) AS n FROM t GROUP BY {column}");
        assert_eq!(
            refusal(folder.path(), &["sql", &query, "t.parquet"], 1),
            format!(
                "error: failed to query: cannot answer the query: SQL cannot group or join by column `{column}` of `t`, which is \
                 {data_type}: write CAST({column} AS VARCHAR)\n"
            )
        );
    }
    let query = "SELECT CAST(price AS VARCHAR) AS p, COUNT(*) AS n FROM t GROUP BY CAST(price AS VARCHAR) ORDER BY p";
    assert_eq!(stdout(folder.path(), &["sql", query, "t.parquet", "--format", "csv"]), "p,n\n10.20,1\n9.50,2\n");
}

#[test]
fn two_columns_of_one_name_are_told_apart() {
    let (folder, path) = file(vec![
        ("x", Arc::new(Int64Array::from(vec![1, 2]))),
        ("x", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("x_1", Arc::new(Int64Array::from(vec![8, 9]))),
    ]);
    let expected = [json!({ "x": 1, "x_2": "a", "x_1": 8 }), json!({ "x": 2, "x_2": "b", "x_1": 9 })];
    assert_eq!(shown(&path, None).unwrap(), expected);
    assert_eq!(shown(&path, Some("x_2 = 'b'")).unwrap(), [expected[1].clone()]);
    assert_eq!(
        asked(&path, "SELECT x, x_2, x_1 FROM t").unwrap(),
        [[json!(1), json!("a"), json!(8)], [json!(2), json!("b"), json!(9)]]
    );
    assert_eq!(stdout(folder.path(), &["show", "t.parquet", "--columns", "x_2", "--format", "csv"]), "x_2\na\nb\n");
    let of_columns = columns(&Untyped::open(&path).unwrap()).unwrap();
    assert_eq!(
        of_columns.iter().map(|column| column.max.clone()).collect::<Vec<_>>(),
        [json!(2), json!("b"), json!(9)]
    );
}

#[test]
fn every_codec_is_read() {
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ] {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..5000).map(|i| format!("{}", i % 7))));
        let (_folder, path) = compressed(vec![("c", texts)], codec);
        assert_eq!(stats(&path).top[0], ("0".to_owned(), 715), "{codec:?}");
    }
}

/// The files of others that went wrong.
#[test]
fn files_that_people_met() {
    let Some(folder) =
        std::env::var_os("TWINSET_SHARED_DATA").map(|folder| PathBuf::from(folder).join("cases/parquet"))
    else {
        eprintln!("skipped: TWINSET_SHARED_DATA names no folder with these files");
        return;
    };
    let csv = |name: &str| stdout(&folder, &["show", &format!("{name}.parquet"), "--format", "csv"]);
    assert_eq!(csv("c-gzip"), "x,s\n0,a\n1,a\n2,a\n3,a\n4,a\n");
    assert_eq!((csv("c-brotli"), csv("c-lz4")), (csv("c-gzip"), csv("c-gzip")));
    assert_eq!(csv("dupcol"), "x,x_1\n1,a\n2,b\n3,c\n4,d\n5,e\n");
    assert_eq!(csv("dict"), "c,ci,cl\na,1,x\nb,2,y\n,3,x\na,1,y\nb,2,x\n");
    assert!(csv("ts").starts_with(
        "ns,us,ms,s,d32,d64,t32,t64,dur\n1970-01-01T00:00:00.000000001,1970-01-01T00:00:00.000001Z,\
         1970-01-01T00:00:00.001Z,1970-01-01T00:00:01,1970-01-02,1970-01-02,00:00:00.001,00:00:00.000000001,\
         PT0.000000001S\n,1970-01-01T00:00:00.000002Z,"
    ));
    let of_times = columns(&Untyped::open(&folder.join("ts.parquet")).unwrap()).unwrap();
    assert_eq!((of_times[1].n_nulls, &of_times[1].max), (0, &json!("1970-01-01T00:00:00.000005Z")));
    let sql = |query: &str, name: &str| stdout(&folder, &["sql", query, &format!("{name}.parquet"), "--format", "csv"]);
    assert_eq!(
        sql("SELECT MAX(us) AS us, MAX(ms) AS ms FROM ts", "ts"),
        "us,ms\n1970-01-01T00:00:00.000005Z,1970-01-01T00:00:00.005Z\n"
    );
    assert_eq!(
        sql("SELECT MAX(u) AS u, MIN(i) AS i FROM u64", "u64"),
        "u,i\n18446744073709551615,-9223372036854775808\n"
    );
    assert_eq!(sql("SELECT SUM(ci) AS n FROM dict", "dict"), "n\n9\n");
    let error = refusal(&folder, &["show", "polars-i128.parquet"], 1);
    assert!(
        error.contains("cannot read column `")
            && error.contains("it is an integer of 128 bits, which is not supported"),
        "{error}"
    );
}
