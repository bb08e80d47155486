//! What of a file is not in its pixels.

/// What of a file is not in its pixels. Two files may differ in it and have the same pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Some pixels are transparent: they were laid on a ground.
    pub transparency: bool,
    /// Its samples have more than 8 bits, and were rounded.
    pub depth: bool,
    /// There are further frames or pages behind the first one.
    pub frames: bool,
    /// It is damaged, and some of its pixels may be wrong: what the decoder said.
    pub damage: Option<String>,
}

impl Lost {
    /// The names of what is lost, as the `images` manifest has them; none where nothing is.
    ///
    /// ```
    /// use twinset_pixels::Lost;
    ///
    /// let lost = Lost { transparency: true, frames: true, ..Lost::default() };
    /// assert_eq!(lost.names().as_deref(), Some("transparency, frames"));
    /// let lost = Lost { damage: Some("bad code".to_owned()), ..lost };
    /// assert_eq!(lost.names().as_deref(), Some("transparency, frames, damage: bad code"));
    /// assert_eq!(Lost::default().names(), None);
    /// ```
    pub fn names(&self) -> Option<String> {
        let Self { transparency, depth, frames, damage } = self;
        let all = [(*transparency, "transparency"), (*depth, "depth"), (*frames, "frames")];
        let mut names: Vec<_> =
            all.into_iter().filter(|(is_lost, _)| *is_lost).map(|(_, name)| name.to_owned()).collect();
        // Last, as what the decoder said may hold anything.
        names.extend(damage.as_ref().map(|words| format!("damage: {words}")));
        (!names.is_empty()).then(|| names.join(", "))
    }
}
