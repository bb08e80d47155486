//! How much images are like others than their partner.

use super::chance::fisher;
use super::families::Families;
use crate::verify::Verified;

/// How many of the others that an image is like are looked at, how much they weigh, and what counts as being like none.
const N_OTHERS: usize = 3;
const WEIGHT_OF_OTHERS: f64 = 0.2;
const LIKE_NONE: f32 = 0.4;

/// Of each image the others that it is most like.
///
/// Pictures that look like many others - a car on white, a plane on blue - correlate with all of them; a duplicate stands out.
/// The correction is that of cross-domain similarity local scaling (Conneau et al. 2018, arXiv 1710.04087), with a smaller weight.
/// Copies of one image count as one, and those of either image of a pair not at all.
pub(crate) struct Crowds<'a> {
    copies: &'a Families,
    /// (image, group of copies, correlation), by image and then the most alike first.
    likes: Vec<(u32, u32, f32)>,
    starts: Vec<usize>,
}

impl<'a> Crowds<'a> {
    pub(crate) fn of(n_images: usize, pairs: &[Verified], copies: &'a Families) -> Self {
        let both =
            |pair: &Verified| [(pair.left, pair.right), (pair.right, pair.left)].map(|ends| (ends, pair.correlation));
        let likes = pairs.iter().flat_map(both).filter(|&(_, correlation)| correlation > LIKE_NONE);
        let mut likes: Vec<_> =
            likes.map(|((image, other), correlation)| (image, copies.of_image(other), correlation)).collect();
        likes.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.2.total_cmp(&a.2)).then(a.1.cmp(&b.1)));
        let mut starts = vec![0; n_images + 1];
        likes.iter().for_each(|(image, ..)| starts[*image as usize + 1] += 1);
        (0..n_images).for_each(|image| starts[image + 1] += starts[image]);
        Self { copies, likes, starts }
    }

    /// Fisher's z of a correlation of two images, less a fifth of how much the two are like others as well.
    pub(crate) fn distinctness(&self, left: u32, right: u32, correlation: f32) -> f64 {
        let own = [left, right].map(|image| self.copies.of_image(image));
        let crowd: f64 = [left, right].into_iter().map(|image| self.others(image, own)).sum();
        fisher(correlation) - WEIGHT_OF_OTHERS * crowd
    }

    fn others(&self, image: u32, own: [u32; 2]) -> f64 {
        let mut seen = [u32::MAX; N_OTHERS];
        let (mut n_seen, mut sum) = (0, 0.0);
        for &(_, group, correlation) in &self.likes[self.starts[image as usize]..self.starts[image as usize + 1]] {
            if own.contains(&group) || seen.contains(&group) {
                continue;
            }
            seen[n_seen] = group;
            n_seen += 1;
            sum += fisher(correlation) - fisher(LIKE_NONE);
            if n_seen == N_OTHERS {
                break;
            }
        }
        sum / N_OTHERS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Alignment;

    #[test]
    fn who_is_like_many_is_less_distinct_and_copies_count_once() {
        let pair = |left, right, correlation| Verified { left, right, correlation, alignment: Alignment::default() };
        let pairs = [pair(0, 1, 0.9), pair(0, 2, 0.8), pair(0, 3, 0.8), pair(0, 4, 0.8), pair(5, 6, 0.9)];
        let check = |pairs: &[Verified], n_others: f64| {
            let copies = Families::of(10, pairs, 0.98);
            let crowds = Crowds::of(10, pairs, &copies);
            let expected = fisher(0.9) - WEIGHT_OF_OTHERS * n_others / 3.0 * (fisher(0.8) - fisher(LIKE_NONE));
            let found = crowds.distinctness(0, 1, 0.9);
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
            assert_eq!(crowds.distinctness(5, 6, 0.9), fisher(0.9));
        };
        check(&pairs, 3.0);
        let copies_of_one = [pair(2, 3, 0.99), pair(3, 4, 0.99)];
        check(&[&pairs[..], &copies_of_one].concat(), 1.0);
        let copies_of_the_left = [pair(0, 7, 0.99), pair(0, 8, 0.99), pair(1, 7, 0.9), pair(1, 8, 0.9)];
        check(&[&pairs[..], &copies_of_the_left].concat(), 3.0);
    }
}
