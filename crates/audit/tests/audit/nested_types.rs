//! Lists, maps and structs in `show`, `stats` and SQL.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, Int32Array, LargeListArray, ListArray, ListViewArray,
    MapArray, StringArray, StructArray, TimestampSecondArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields, Int32Type};
use serde_json::{Value, json};
use twinset_audit::stats::columns;
use twinset_manifest::Untyped;

use crate::types::{asked, file, shown, stats};

#[test]
fn lists_maps_and_structs() {
    let nested = |array: ArrayRef, rows: [Value; 3]| {
        let data_type = array.data_type().clone();
        let (_folder, path) = file(vec![("c", array)]);
        assert_eq!(shown(&path, None).unwrap(), rows.clone().map(|value| json!({ "c": value })), "{data_type}");
        let of_column = stats(&path);
        assert_eq!((of_column.n_nulls, of_column.n_distinct), (1, 2), "{data_type}");
        let text = |value: Value| if value.is_null() { value } else { value.to_string().into() };
        assert_eq!(asked(&path, "SELECT c FROM t").unwrap(), rows.map(|value| [text(value)]), "{data_type}");
    };
    let lists = || vec![Some(vec![Some(1), None]), None, Some(vec![])];
    let rows = [json!([1, null]), Value::Null, json!([])];
    nested(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists())), rows.clone());
    nested(Arc::new(LargeListArray::from_iter_primitive::<Int32Type, _, _>(lists())), rows.clone());
    nested(Arc::new(ListViewArray::from(ListArray::from_iter_primitive::<Int32Type, _, _>(lists()))), rows);
    let pairs = vec![Some(vec![Some(1), None]), None, Some(vec![Some(3), Some(4)])];
    let pairs = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(pairs, 2);
    nested(Arc::new(pairs), [json!([1, null]), Value::Null, json!([3, 4])]);

    let offsets = || OffsetBuffer::new(ScalarBuffer::from(vec![0, 2, 2, 3]));
    let nulls = || Some(NullBuffer::from(vec![true, false, true]));
    let list_of = |items: ArrayRef| {
        let item = Arc::new(Field::new("item", items.data_type().clone(), true));
        Arc::new(ListArray::new(item, offsets(), items, nulls())) as ArrayRef
    };
    let times: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(0), None, Some(1)]).with_timezone("+01:00"));
    let (one, other) = ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z");
    nested(list_of(times.clone()), [json!([one, null]), Value::Null, json!([other])]);
    let words: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("b")].into_iter().collect();
    nested(list_of(Arc::new(words)), [json!(["a", null]), Value::Null, json!(["b"])]);
    let fields = Fields::from(vec![Field::new("at", times.data_type().clone(), true)]);
    let structs = StructArray::new(fields, vec![times], Some(NullBuffer::from(vec![true, false, true])));
    nested(list_of(Arc::new(structs)), [json!([{ "at": one }, null]), Value::Null, json!([{ "at": other }])]);

    let entries =
        Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Int32, true)]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["a", "b", "c"])),
        Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])),
    ];
    let entries = StructArray::new(entries, columns, None);
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let entry = |key: &str, value: Value| json!({ "key": key, "value": value });
    let rows = [json!([entry("a", 1.into()), entry("b", Value::Null)]), Value::Null, json!([entry("c", 3.into())])];
    nested(Arc::new(MapArray::new(field, offsets(), entries, nulls(), false)), rows);
}

#[test]
fn a_struct_is_taken_apart_by_show_and_whole_in_sql() {
    let instants: ArrayRef = Arc::new(TimestampSecondArray::from(vec![1, 2, 3]).with_timezone("UTC"));
    let counts: ArrayRef = Arc::new(UInt64Array::from(vec![Some(5), None, None]));
    let fields = Fields::from(vec![
        Field::new("at", instants.data_type().clone(), true),
        Field::new("n", DataType::UInt64, true),
    ]);
    let structs = StructArray::new(fields, vec![instants, counts], Some(NullBuffer::from(vec![true, false, true])));
    let (_folder, path) = file(vec![("s", Arc::new(structs))]);
    let expected = [
        json!({ "s.at": "1970-01-01T00:00:01Z", "s.n": 5 }),
        json!({ "s.at": null, "s.n": null }),
        json!({ "s.at": "1970-01-01T00:00:03Z", "s.n": null }),
    ];
    assert_eq!(shown(&path, None).unwrap(), expected);
    assert_eq!(columns(&Untyped::open(&path).unwrap()).unwrap()[0].n_nulls, 1);
    assert_eq!(asked(&path, "SELECT s.n FROM t").unwrap()[0], [json!(5)]);
    let whole = [
        json!({ "at": "1970-01-01T00:00:01Z", "n": 5 }),
        Value::Null,
        json!({ "at": "1970-01-01T00:00:03Z", "n": null }),
    ];
    assert_eq!(asked(&path, "SELECT s FROM t").unwrap(), whole.map(|value| [value]));
}
