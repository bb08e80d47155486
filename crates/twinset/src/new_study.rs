//! `twinset new-study`: to come.

#[derive(clap::Args)]
pub(crate) struct NewStudyArgs {}

pub(crate) fn run(_: &NewStudyArgs) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
