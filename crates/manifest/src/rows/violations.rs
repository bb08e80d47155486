//! What an audit finds.

use crate::row::{row, text_enum};

text_enum! {
    /// A rule that manifests keep.
    pub enum Rule {
        /// A manifest is a whole Parquet file, and what the runner wrote down of a run is JSON.
        Unreadable = "unreadable",
        /// A manifest's schema is one that is known, in the version that is known.
        Schema = "schema",
        /// A manifest says where it comes from.
        Provenance = "provenance",
        /// A manifest has the columns of its schema, of their types, and no others.
        Columns = "columns",
        /// A column holds null only where null is a value.
        Null = "null",
        /// A text is one that its column can hold.
        Value = "value",
        /// A number is within its range.
        Range = "range",
        /// The values of a row do not contradict one another.
        Consistency = "consistency",
        /// No row is there twice.
        Unique = "unique",
        /// What is counted is counted rightly, without gaps.
        Count = "count",
        /// A class is one of the dataset's, under its name.
        Class = "class",
        /// A cluster is the images that exact and near pairs join.
        Cluster = "cluster",
        /// An image that is referred to exists.
        ForeignKey = "foreign-key",
        /// What a row repeats of an image is what the image has.
        Agreement = "agreement",
        /// An image decodes to the pixels whose digest stands beside it.
        Pixels = "pixels",
        /// A file has the bytes that its run wrote.
        FileDigest = "file-digest",
        /// A file that a run wrote is there.
        MissingFile = "missing-file",
        /// A file that a manifest was made from has the bytes that it was made from.
        InputDigest = "input-digest",
        /// A file that a manifest was made from is there.
        MissingInput = "missing-input",
        /// A run's folder is named after its key, the key is that of its ingredients, and the outputs were made of these.
        Key = "key",
    }
}

row! {
    /// A rule that a manifest breaks.
    pub struct Violation = "violations/1", row_group_rows = 65536 {
        /// The file, from the folder that was audited.
        path: String,
        /// Its schema; null where it has none that can be read.
        schema: Option<String>,
        /// The stage that made it and its version; null where nothing tells.
        made_by: Option<String>,
        /// The rule, such as `unique` or `foreign-key`.
        rule: Rule,
        /// The row, counted from 0; null where the file as a whole is meant.
        row: Option<u64>,
        /// That row's image; null where it has none.
        image_id: Option<u64>,
        /// The column; null where no single one is meant.
        column: Option<String>,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    }
}
