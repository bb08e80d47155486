//! What is known of public sets beyond their bytes.

use serde_json::{Value, json};

struct Known {
    /// The name in a config's `dataset`.
    name: &'static str,
    url: &'static str,
    creators: &'static [&'static str],
    published: &'static str,
    cite_as: &'static str,
    /// None where its authors state none.
    license: Option<&'static str>,
}

const KRIZHEVSKY: &str = "@techreport{krizhevsky2009learning, author = {Alex Krizhevsky}, title = {Learning Multiple Layers of Features \
                          from Tiny Images}, institution = {University of Toronto}, year = {2009}}";

const KNOWN: [Known; 4] = [
    Known {
        name: "cifar10",
        url: "https://www.cs.toronto.edu/~kriz/cifar.html",
        creators: &["Alex Krizhevsky", "Vinod Nair", "Geoffrey Hinton"],
        published: "2009-04-08",
        cite_as: KRIZHEVSKY,
        license: None,
    },
    Known {
        name: "cifar100",
        url: "https://www.cs.toronto.edu/~kriz/cifar.html",
        creators: &["Alex Krizhevsky", "Vinod Nair", "Geoffrey Hinton"],
        published: "2009-04-08",
        cite_as: KRIZHEVSKY,
        license: None,
    },
    Known {
        name: "mnist",
        url: "http://yann.lecun.com/exdb/mnist/",
        creators: &["Yann LeCun", "Corinna Cortes", "Christopher J. C. Burges"],
        published: "1998-11-01",
        cite_as: "@article{lecun1998gradient, author = {Yann LeCun and L{\\'e}on Bottou and Yoshua Bengio and Patrick Haffner}, \
                  title = {Gradient-based learning applied to document recognition}, journal = {Proceedings of the IEEE}, \
                  volume = {86}, number = {11}, year = {1998}}",
        license: None,
    },
    Known {
        name: "fashion-mnist",
        url: "https://github.com/zalandoresearch/fashion-mnist",
        creators: &["Han Xiao", "Kashif Rasul", "Roland Vollgraf"],
        published: "2017-08-25",
        cite_as: "@article{xiao2017fashion, author = {Han Xiao and Kashif Rasul and Roland Vollgraf}, title = {Fashion-MNIST: a Novel \
                  Image Dataset for Benchmarking Machine Learning Algorithms}, journal = {arXiv:1708.07747}, year = {2017}}",
        license: Some("https://spdx.org/licenses/MIT"),
    },
];

/// Adds what is known of the public set of this name; of any other name nothing.
pub(crate) fn add_to(croissant: &mut Value, name: &str) {
    let Some(known) = KNOWN.iter().find(|known| known.name == name) else { return };
    let person = |name: &&str| json!({ "@type": "sc:Person", "name": name });
    croissant["url"] = json!(known.url);
    croissant["creator"] = known.creators.iter().map(person).collect();
    croissant["datePublished"] = json!(known.published);
    croissant["citeAs"] = json!(known.cite_as);
    if let Some(license) = known.license {
        croissant["license"] = json!(license);
    }
}
