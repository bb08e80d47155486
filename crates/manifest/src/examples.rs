//! Questions to ask of manifests, for `SCHEMAS.md`: each in SQL for DuckDB, in pandas, in Polars, and for `twinset-audit`.
//!
//! `tests/python/examples.py` asks them of real manifests, and expects the same answer of all four.

/// A question about rows of a schema.
pub(crate) struct Example {
    pub(crate) schema: &'static str,
    pub(crate) question: &'static str,
    pub(crate) duckdb: &'static str,
    pub(crate) pandas: &'static str,
    pub(crate) polars: &'static str,
    /// Polars' SQL.
    pub(crate) audit: &'static str,
}

pub(crate) const EXAMPLES: [Example; 7] = [
    Example {
        schema: "images/3",
        question: "How many images of each class has each split?",
        duckdb: "SELECT split, class_name, count(*) AS n_images\n\
                 FROM 'images.parquet'\n\
                 GROUP BY ALL ORDER BY ALL;",
        pandas: "images = pd.read_parquet(\"images.parquet\", columns=[\"split\", \"class_name\"])\n\
                 images.groupby([\"split\", \"class_name\"]).size().reset_index(name=\"n_images\")",
        polars: "images = pl.scan_parquet(\"images.parquet\")\n\
                 images.group_by(\"split\", \"class_name\").len(\"n_images\").sort(\"split\", \"class_name\").collect()",
        audit: "SELECT split, class_name, COUNT(*) AS n_images FROM images GROUP BY split, class_name ORDER BY split, class_name",
    },
    Example {
        schema: "pairs/4",
        question: "Which test images have a duplicate in the training split, the most alike first? (A pair's left image has the \
                   smaller id, so either side can be the test image.)",
        duckdb: "SELECT left_source, right_source, kind, similarity\n\
                 FROM 'pairs.parquet'\n\
                 WHERE kind <> 'similar' AND (left_split, right_split) IN (('train', 'test'), ('test', 'train'))\n\
                 ORDER BY similarity DESC NULLS LAST, left_id, right_id;",
        pandas: "pairs = pd.read_parquet(\"pairs.parquet\")\n\
                 splits = pairs.left_split + \"-\" + pairs.right_split\n\
                 leaks = pairs[(pairs.kind != \"similar\") & splits.isin([\"train-test\", \"test-train\"])]\n\
                 leaks = leaks.sort_values([\"similarity\", \"left_id\", \"right_id\"], ascending=[False, True, True])\n\
                 leaks[[\"left_source\", \"right_source\", \"kind\", \"similarity\"]]",
        polars: "pairs = pl.scan_parquet(\"pairs.parquet\")\n\
                 splits = pl.concat_str(\"left_split\", \"right_split\", separator=\"-\")\n\
                 leaks = pairs.filter(pl.col(\"kind\") != \"similar\", splits.is_in([\"train-test\", \"test-train\"]))\n\
                 leaks = leaks.sort(\"similarity\", \"left_id\", \"right_id\", descending=[True, False, False], nulls_last=True)\n\
                 leaks.select(\"left_source\", \"right_source\", \"kind\", \"similarity\").collect()",
        audit: "SELECT left_source, right_source, kind, similarity FROM pairs WHERE kind <> 'similar' AND ((left_split = 'train' AND \
                right_split = 'test') OR (left_split = 'test' AND right_split = 'train')) ORDER BY similarity DESC NULLS LAST, \
                left_id, right_id",
    },
    Example {
        schema: "clusters/2",
        question: "Which are the largest clusters of duplicates?",
        duckdb: "SELECT cluster_id, cluster_size\n\
                 FROM 'clusters.parquet'\n\
                 WHERE is_representative AND cluster_size > 1\n\
                 ORDER BY cluster_size DESC, cluster_id LIMIT 10;",
        pandas: "clusters = pd.read_parquet(\"clusters.parquet\")\n\
                 clusters = clusters[clusters.is_representative & (clusters.cluster_size > 1)]\n\
                 clusters = clusters.sort_values([\"cluster_size\", \"cluster_id\"], ascending=[False, True])\n\
                 clusters[[\"cluster_id\", \"cluster_size\"]].head(10)",
        polars: "clusters = pl.scan_parquet(\"clusters.parquet\")\n\
                 clusters = clusters.filter(pl.col(\"is_representative\"), pl.col(\"cluster_size\") > 1)\n\
                 clusters = clusters.sort(\"cluster_size\", \"cluster_id\", descending=[True, False])\n\
                 clusters.select(\"cluster_id\", \"cluster_size\").head(10).collect()",
        audit: "SELECT cluster_id, cluster_size FROM clusters WHERE is_representative AND cluster_size > 1 \
                ORDER BY cluster_size DESC, cluster_id LIMIT 10",
    },
    Example {
        schema: "trainset/1",
        question: "Which original stands in the training set most often, its duplicates counted?",
        duckdb: "SELECT coalesce(duplicate_of, image_id) AS original, count(*) AS n_times\n\
                 FROM 'trainset.parquet'\n\
                 GROUP BY original ORDER BY n_times DESC, original LIMIT 10;",
        pandas: "trainset = pd.read_parquet(\"trainset.parquet\", dtype_backend=\"pyarrow\")\n\
                 original = trainset.duplicate_of.fillna(trainset.image_id).rename(\"original\")\n\
                 n_times = trainset.groupby(original).size().reset_index(name=\"n_times\")\n\
                 n_times.sort_values([\"n_times\", \"original\"], ascending=[False, True]).head(10)",
        polars: "trainset = pl.scan_parquet(\"trainset.parquet\")\n\
                 original = pl.coalesce(\"duplicate_of\", \"image_id\").alias(\"original\")\n\
                 n_times = trainset.group_by(original).len(\"n_times\")\n\
                 n_times.sort(\"n_times\", \"original\", descending=[True, False]).head(10).collect()",
        audit: "SELECT COALESCE(duplicate_of, image_id) AS original, COUNT(*) AS n_times FROM trainset \
                GROUP BY COALESCE(duplicate_of, image_id) ORDER BY n_times DESC, original LIMIT 10",
    },
    Example {
        schema: "predictions/2",
        question: "How accurate is the network on the test split under each attack?",
        duckdb: "SELECT attack, avg(is_correct::INT) AS accuracy, count(*) AS n_images\n\
                 FROM 'predictions.parquet'\n\
                 WHERE split = 'test'\n\
                 GROUP BY attack ORDER BY attack;",
        pandas: "predictions = pd.read_parquet(\"predictions.parquet\")\n\
                 of_attack = predictions[predictions.split == \"test\"].groupby(\"attack\").is_correct\n\
                 of_attack.agg(accuracy=\"mean\", n_images=\"size\").reset_index()",
        polars: "predictions = pl.scan_parquet(\"predictions.parquet\").filter(pl.col(\"split\") == \"test\")\n\
                 accuracy = [pl.col(\"is_correct\").mean().alias(\"accuracy\"), pl.len().alias(\"n_images\")]\n\
                 predictions.group_by(\"attack\").agg(accuracy).sort(\"attack\").collect()",
        audit: "SELECT attack, AVG(CAST(is_correct AS DOUBLE)) AS accuracy, COUNT(*) AS n_images FROM predictions \
                WHERE split = 'test' GROUP BY attack ORDER BY attack",
    },
    Example {
        schema: "leaks/1",
        question: "By how much do leaked images overstate each model, the most overstated first?",
        duckdb: "SELECT model, accuracy, difference, difference_low, difference_high\n\
                 FROM 'leaks.parquet'\n\
                 WHERE subset = 'all' ORDER BY difference DESC, model;",
        pandas: "leaks = pd.read_parquet(\"leaks.parquet\")\n\
                 leaks = leaks[leaks.subset == \"all\"].sort_values([\"difference\", \"model\"], ascending=[False, True])\n\
                 leaks[[\"model\", \"accuracy\", \"difference\", \"difference_low\", \"difference_high\"]]",
        polars: "leaks = pl.scan_parquet(\"leaks.parquet\").filter(subset=\"all\").sort(\"difference\", \"model\", descending=[True, False])\n\
                 leaks.select(\"model\", \"accuracy\", \"difference\", \"difference_low\", \"difference_high\").collect()",
        audit: "SELECT model, accuracy, difference, difference_low, difference_high FROM leaks WHERE subset = 'all' \
                ORDER BY difference DESC, model",
    },
    Example {
        schema: "cells/1",
        question: "How accurate is each arm at each rate on the test split, without an attack, over all seeds and classes?",
        duckdb: "SELECT arm, rate, estimate, interval_low, interval_high, n_seeds\n\
                 FROM 'cells.parquet'\n\
                 WHERE metric = 'accuracy' AND split = 'test' AND attack = 'clean' AND seed IS NULL AND label IS NULL\n\
                 ORDER BY arm, rate;",
        pandas: "cells = pd.read_parquet(\"cells.parquet\")\n\
                 cells = cells[(cells.metric == \"accuracy\") & (cells.split == \"test\") & (cells.attack == \"clean\")]\n\
                 cells = cells[cells.seed.isna() & cells.label.isna()].sort_values([\"arm\", \"rate\"])\n\
                 cells[[\"arm\", \"rate\", \"estimate\", \"interval_low\", \"interval_high\", \"n_seeds\"]]",
        polars: "cells = pl.scan_parquet(\"cells.parquet\").filter(metric=\"accuracy\", split=\"test\", attack=\"clean\")\n\
                 cells = cells.filter(pl.col(\"seed\").is_null(), pl.col(\"label\").is_null()).sort(\"arm\", \"rate\")\n\
                 cells.select(\"arm\", \"rate\", \"estimate\", \"interval_low\", \"interval_high\", \"n_seeds\").collect()",
        audit: "SELECT arm, rate, estimate, interval_low, interval_high, n_seeds FROM cells WHERE metric = 'accuracy' AND \
                split = 'test' AND attack = 'clean' AND seed IS NULL AND label IS NULL ORDER BY arm, rate",
    },
];

impl Example {
    /// The question and its four forms as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let Self { question, duckdb, pandas, polars, audit, .. } = self;
        format!(
            "\n{question}\n\n\
             ```sql\n-- DuckDB\n{duckdb}\n```\n\n\
             ```python\nimport pandas as pd\n\n{pandas}\n```\n\n\
             ```python\nimport polars as pl\n\n{polars}\n```\n\n\
             ```sh\ntwinset-audit sql \"{audit}\" FOLDER\n```\n"
        )
    }
}
