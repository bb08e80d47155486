pub(crate) mod dispatch;
pub(crate) mod new_study;
pub(crate) mod scan;
