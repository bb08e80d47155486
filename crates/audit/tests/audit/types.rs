//! Every type that Parquet can hold, in `show`, `stats` and SQL: right values, or an error that names column and type.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal32Array,
    Decimal64Array, Decimal128Array, Decimal256Array, DictionaryArray, DurationMicrosecondArray,
    DurationMillisecondArray, DurationNanosecondArray, DurationSecondArray, FixedSizeBinaryArray, Float16Array,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, IntervalDayTimeArray,
    IntervalYearMonthArray, LargeBinaryArray, LargeStringArray, NullArray, RecordBatch, RunArray, StringArray,
    StringViewArray, Time32MillisecondArray, Time32SecondArray, Time64MicrosecondArray, Time64NanosecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array, new_null_array,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float16Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTime, i256,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};
use twinset_audit::show::{Choice, show};
use twinset_audit::sql::{names, query, rows};
use twinset_audit::stats::{ColumnStats, columns};
use twinset_audit::{Format, Tree};
use twinset_manifest::Untyped;

/// A file `t.parquet` with these columns, in a folder of its own.
pub(crate) fn file(columns: Vec<(&str, ArrayRef)>) -> (tempfile::TempDir, PathBuf) {
    compressed(columns, Compression::SNAPPY)
}

pub(crate) fn compressed(columns: Vec<(&str, ArrayRef)>, codec: Compression) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(schema, columns.into_iter().map(|(_, array)| array).collect()).unwrap();
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (folder, path)
}

/// The rows that `show` writes, each a JSON object.
pub(crate) fn shown(path: &Path, condition: Option<&str>) -> Result<Vec<Value>, String> {
    let mut to = Vec::new();
    let choice = Choice { condition: condition.map(str::to_owned), ..Choice::default() };
    show(&Untyped::open(path).unwrap(), &choice, Format::Json, &mut to).map_err(|error| error.to_string())?;
    Ok(serde_json::from_slice(&to).unwrap())
}

pub(crate) fn asked(path: &Path, sql: &str) -> Result<Vec<Vec<Value>>, String> {
    let tables = names(&Tree::alone(path).unwrap());
    query(sql, &tables).map(|answer| rows(&answer.frame).collect()).map_err(|error| error.to_string())
}

pub(crate) fn stats(path: &Path) -> ColumnStats {
    columns(&Untyped::open(path).unwrap()).unwrap().remove(0)
}

/// Checks a column of the greater value, null, and the lesser one, as each command tells them.
#[track_caller]
fn check(array: ArrayRef, lesser: impl Into<Value>, greater: impl Into<Value>, mean: Option<f64>) {
    let data_type = array.data_type().clone();
    let (lesser, greater) = (lesser.into(), greater.into());
    let (_folder, path) = file(vec![("c", array)]);
    let rows = [greater.clone(), Value::Null, lesser.clone()].map(|value| json!({ "c": value }));
    assert_eq!(shown(&path, None).unwrap(), rows, "show {data_type}");
    let of_column = stats(&path);
    assert_eq!((of_column.n_nulls, of_column.n_distinct), (1, 2), "stats {data_type}");
    assert_eq!((of_column.min, of_column.max), (lesser.clone(), greater.clone()), "stats {data_type}");
    let is_close = |(found, mean): (f64, f64)| (found - mean).abs() <= 1e-9 * mean.abs().max(1.0);
    assert!(
        of_column.mean.as_f64().zip(mean).map_or(of_column.mean.is_null() && mean.is_none(), is_close),
        "stats {data_type}"
    );
    let ordered = asked(&path, "SELECT c FROM t WHERE c IS NOT NULL ORDER BY c").unwrap();
    assert_eq!(ordered, [[lesser.clone()], [greater.clone()]], "sql {data_type}");
    let ends = asked(&path, "SELECT MIN(c) AS a, MAX(c) AS z, COUNT(c) AS n FROM t").unwrap();
    assert_eq!(ends, [[lesser, greater, 2.into()]], "sql {data_type}");
    assert_eq!(shown(&path, Some("c IS NOT NULL")).unwrap().len(), 2, "show --where {data_type}");
}

macro_rules! array {
    ($array:ty, $greater:expr, $lesser:expr) => {
        Arc::new(<$array>::from(vec![Some($greater), None, Some($lesser)])) as ArrayRef
    };
}

#[test]
fn numbers_of_every_width() {
    check(array!(BooleanArray, true, false), false, true, None);
    check(array!(Int8Array, 10, -9), -9, 10, Some(0.5));
    check(array!(Int16Array, 10, -9), -9, 10, Some(0.5));
    check(array!(Int32Array, 10, -9), -9, 10, Some(0.5));
    check(array!(Int64Array, i64::MAX, i64::MIN), i64::MIN, i64::MAX, Some(-0.5));
    check(array!(UInt8Array, 10, 9), 9, 10, Some(9.5));
    check(array!(UInt16Array, 10, 9), 9, 10, Some(9.5));
    check(array!(UInt32Array, u32::MAX, 9), 9, u32::MAX, Some(2_147_483_652.0));
    check(array!(UInt64Array, 10, 9), 9, 10, Some(9.5));
    check(array!(UInt64Array, u64::MAX, 9), 9, u64::MAX, Some(9_223_372_036_854_775_812.0));
    let half = <Float16Type as ArrowPrimitiveType>::Native::from_f32;
    check(array!(Float16Array, half(10.0), half(9.5)), 9.5, 10.0, Some(9.75));
    check(array!(Float32Array, 10.0, 0.1), 0.1, 10.0, Some(5.05));
    check(array!(Float64Array, 10.0, -0.1), -0.1, 10.0, Some(4.95));
    check(array!(Float64Array, f64::INFINITY, 9.0), 9.0, "inf", None);
}

#[test]
fn decimals_have_all_their_digits() {
    macro_rules! decimal {
        ($array:ty, $greater:expr, $lesser:expr, $digits:expr, $scale:expr) => {
            Arc::new(
                <$array>::from(vec![Some($greater), None, Some($lesser)])
                    .with_precision_and_scale($digits, $scale)
                    .unwrap(),
            ) as ArrayRef
        };
    }
    check(decimal!(Decimal32Array, 1020, -950, 6, 2), "-9.50", "10.20", Some(0.35));
    check(decimal!(Decimal64Array, 1020, -5, 12, 2), "-0.05", "10.20", Some(5.075));
    check(decimal!(Decimal128Array, 1020, 950, 38, 2), "9.50", "10.20", Some(9.85));
    check(decimal!(Decimal128Array, 10, 9, 20, 0), "9", "10", Some(9.5));
    check(decimal!(Decimal256Array, i256::from_i128(1020), i256::from_i128(950), 50, 2), "9.50", "10.20", Some(9.85));

    let large = i256::from_string(&"9".repeat(60)).unwrap();
    let (_folder, path) = file(vec![("c", decimal!(Decimal256Array, large, i256::ONE, 60, 0))]);
    assert_eq!(shown(&path, None).unwrap()[0], json!({ "c": "9".repeat(60) }));
    assert_eq!(stats(&path).max, json!("9".repeat(60)));
    let error = asked(&path, "SELECT c FROM t").unwrap_err();
    assert!(error.contains("`t.parquet`, column `c` is decimal256(60, 0): "), "{error}");
}

#[test]
fn text_and_bytes() {
    check(array!(StringArray, "b", "a"), "a", "b", None);
    check(array!(LargeStringArray, "b", "a"), "a", "b", None);
    check(array!(StringViewArray, "more than twelve bytes", "a"), "a", "more than twelve bytes", None);

    let digest = |bytes: &[u8]| json!({ "n_bytes": bytes.len(), "blake3": blake3::hash(bytes).to_hex().as_str() });
    let bytes = |array: ArrayRef| {
        let data_type = array.data_type().clone();
        let (_folder, path) = file(vec![("c", array)]);
        let rows = [digest(b"bcd"), Value::Null, digest(b"abc")];
        assert_eq!(shown(&path, None).unwrap(), rows.clone().map(|value| json!({ "c": value })), "{data_type}");
        let of_column = stats(&path);
        assert_eq!((of_column.n_nulls, of_column.n_distinct, of_column.min), (1, 2, Value::Null), "{data_type}");
        assert_eq!(asked(&path, "SELECT c FROM t").unwrap(), rows.map(|value| [value]), "{data_type}");
    };
    let three = || vec![Some(&b"bcd"[..]), None, Some(&b"abc"[..])];
    bytes(Arc::new(BinaryArray::from(three())));
    bytes(Arc::new(LargeBinaryArray::from(three())));
    bytes(Arc::new(BinaryViewArray::from(three())));
    bytes(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(three().into_iter(), 3).unwrap()));
}

#[test]
fn dates_and_times() {
    check(array!(Date32Array, 10, 9), "1970-01-10", "1970-01-11", None);
    check(array!(Date32Array, 3_000_000, -800_000), "-0221-09-04", "+10183-09-21", None);
    check(array!(Time32SecondArray, 36_000, 32_400), "09:00:00", "10:00:00", None);
    check(array!(Time32MillisecondArray, 10, 9), "00:00:00.009", "00:00:00.010", None);
    check(array!(Time64MicrosecondArray, 10, 9), "00:00:00.000009", "00:00:00.000010", None);
    check(array!(Time64NanosecondArray, 10, 9), "00:00:00.000000009", "00:00:00.000000010", None);
    check(array!(DurationSecondArray, 10, 9), "PT9S", "PT10S", None);
    check(array!(DurationMillisecondArray, 10_500, 9_500), "PT9.5S", "PT10.5S", None);
    check(array!(DurationMicrosecondArray, 1_000_000, -1), "-PT0.000001S", "PT1S", None);
    check(array!(DurationNanosecondArray, 10_000_000_000, 1), "PT0.000000001S", "PT10S", None);

    // Whatever the zone's name, the instant is shown in UTC.
    for (zone, z) in [(None, ""), (Some("UTC"), "Z"), (Some("Europe/Paris"), "Z"), (Some("+02:00"), "Z")] {
        let instant = |text: &str| format!("{text}{z}");
        let seconds = TimestampSecondArray::from(vec![Some(10), None, Some(9)]);
        let milliseconds = TimestampMillisecondArray::from(vec![Some(1_500), None, Some(1_000)]);
        let microseconds = TimestampMicrosecondArray::from(vec![Some(1_000_000), None, Some(999_999)]);
        let nanoseconds = TimestampNanosecondArray::from(vec![Some(1), None, Some(0)]);
        macro_rules! zoned {
            ($array:expr) => {
                match zone {
                    None => Arc::new($array) as ArrayRef,
                    Some(zone) => Arc::new($array.with_timezone(zone)),
                }
            };
        }
        check(zoned!(seconds), instant("1970-01-01T00:00:09"), instant("1970-01-01T00:00:10"), None);
        check(zoned!(milliseconds), instant("1970-01-01T00:00:01"), instant("1970-01-01T00:00:01.500"), None);
        check(zoned!(microseconds), instant("1970-01-01T00:00:00.999999"), instant("1970-01-01T00:00:01"), None);
        check(zoned!(nanoseconds), instant("1970-01-01T00:00:00"), instant("1970-01-01T00:00:00.000000001"), None);
    }
    let far = array!(TimestampMicrosecondArray, i64::MAX, 0);
    check(far, "1970-01-01T00:00:00", "9223372036854775807 microseconds after 1970-01-01", None);
}

#[test]
fn times_of_a_file_are_compared_in_sql_as_times() {
    let instants: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, 86_400_000]).with_timezone("UTC"));
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![0, 1]));
    let (_folder, path) = file(vec![("t", instants), ("d", dates)]);
    let one = |sql: &str| asked(&path, sql).unwrap();
    assert_eq!(one("SELECT d FROM t WHERE d > DATE '1970-01-01'"), [[json!("1970-01-02")]]);
    assert_eq!(one("SELECT d FROM t WHERE d > '1970-01-01'"), [[json!("1970-01-02")]]);
    assert_eq!(one("SELECT MAX(t) - MIN(t) FROM t"), [[json!("PT86400S")]]);
    assert_eq!(one("SELECT EXTRACT(YEAR FROM t) FROM t LIMIT 1"), [[json!(1970)]]);
}

#[test]
fn a_date_in_milliseconds() {
    let (_folder, path) = file(vec![("c", array!(Date64Array, 864_000_000, 777_600_000))]);
    assert_eq!(shown(&path, None).unwrap()[0], json!({ "c": "1970-01-11" }));
    assert_eq!(stats(&path).min, json!("1970-01-10"));
    assert_eq!(asked(&path, "SELECT MAX(c) FROM t").unwrap(), [[json!("1970-01-11T00:00:00")]]);
}

#[test]
fn spans_of_months_are_shown_and_sql_names_them() {
    let months = array!(IntervalYearMonthArray, 14, 9);
    let days = array!(IntervalDayTimeArray, IntervalDayTime::new(10, 5), IntervalDayTime::new(9, 0));
    for (array, data_type, lesser, greater) in [
        (months, "interval(yearmonth)", "9 months", "14 months"),
        (days, "interval(daytime)", "9 days 0 milliseconds", "10 days 5 milliseconds"),
    ] {
        let (_folder, path) = file(vec![("c", array), ("n", array!(Int32Array, 1, 0))]);
        let expected =
            [json!({ "c": greater, "n": 1 }), json!({ "c": null, "n": null }), json!({ "c": lesser, "n": 0 })];
        assert_eq!(shown(&path, None).unwrap(), expected);
        assert_eq!(shown(&path, Some("n = 0")).unwrap(), [expected[2].clone()]);
        let of_column = stats(&path);
        assert_eq!((of_column.min, of_column.max), (json!(lesser), json!(greater)));
        assert_eq!(asked(&path, "SELECT MAX(n) FROM t").unwrap(), [[json!(1)]]);
        let expected = format!("`t.parquet`, column `c` is {data_type}: SQL does not take this type, `show` does");
        let error = asked(&path, "SELECT c FROM t").unwrap_err();
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn values_behind_a_dictionary_or_a_run_are_values() {
    let text: DictionaryArray<Int8Type> = vec![Some("b"), None, Some("a")].into_iter().collect();
    check(Arc::new(text), "a", "b", None);
    let keys = || vec![Some(0), None, Some(1)];
    let number = Arc::new(Int64Array::from(vec![10, 9]));
    check(Arc::new(DictionaryArray::new(keys().into(), number) as DictionaryArray<Int32Type>), 9, 10, Some(9.5));
    let time = Arc::new(TimestampMillisecondArray::from(vec![1, 0]).with_timezone("UTC"));
    let keys_16 = arrow::array::Int16Array::from(vec![Some(0), None, Some(1)]);
    let expected = ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.001Z"];
    check(Arc::new(DictionaryArray::new(keys_16, time) as DictionaryArray<Int16Type>), expected[0], expected[1], None);
    let decimal = Arc::new(Decimal128Array::from(vec![1020, 950]).with_precision_and_scale(10, 2).unwrap());
    let keys_64 = Int64Array::from(vec![Some(0), None, Some(1)]);
    check(Arc::new(DictionaryArray::new(keys_64, decimal) as DictionaryArray<Int64Type>), "9.50", "10.20", Some(9.85));
    let ends = Int32Array::from(vec![1, 2, 3]);
    let runs = RunArray::<Int32Type>::try_new(&ends, &Int64Array::from(vec![Some(10), None, Some(9)])).unwrap();
    check(Arc::new(runs), 9, 10, Some(9.5));
}

#[test]
fn a_column_of_nulls() {
    let (_folder, path) = file(vec![("c", Arc::new(NullArray::new(2))), ("n", new_null_array(&DataType::Int64, 2))]);
    assert_eq!(shown(&path, None).unwrap(), vec![json!({ "c": null, "n": null }); 2]);
    let of_column = stats(&path);
    assert_eq!((of_column.n_nulls, of_column.n_distinct, of_column.max), (2, 0, Value::Null));
    assert_eq!(asked(&path, "SELECT c, n FROM t").unwrap(), vec![vec![Value::Null; 2]; 2]);
}
