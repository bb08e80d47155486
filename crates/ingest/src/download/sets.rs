//! The datasets that have a public home.
//!
//! Sizes and SHA-256 are those of TensorFlow Datasets' `url_checksums`; the MD5 that the homes themselves publish, and
//! torchvision checks, are of the same files.

/// A dataset that can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// CIFAR-10, the binary version.
    Cifar10,
    /// CIFAR-100, the binary version.
    Cifar100,
    /// MNIST.
    Mnist,
    /// Fashion-MNIST.
    FashionMnist,
}

/// A file that can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its path in the folder that is downloaded to, and on a mirror.
    pub path: &'static str,
    /// Addresses of folders that have it, the first to be tried first; each ends in `/`.
    pub homes: &'static [&'static str],
    /// Its size.
    pub n_bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: &'static str,
}

impl RemoteFile {
    /// Its name without a folder.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

impl Set {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cifar10, Self::Cifar100, Self::Mnist, Self::FashionMnist];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
        }
    }

    /// Its files.
    pub fn files(self) -> &'static [RemoteFile] {
        match self {
            Self::Cifar10 => &CIFAR10,
            Self::Cifar100 => &CIFAR100,
            Self::Mnist => &MNIST,
            Self::FashionMnist => &FASHION_MNIST,
        }
    }

    /// The config that reads them.
    pub fn config(self) -> &'static str {
        match self {
            Self::Cifar10 => "dataset = \"cifar10\", path = \"cifar-10-binary.tar.gz\"",
            Self::Cifar100 => "dataset = \"cifar100\", path = \"cifar-100-binary.tar.gz\"",
            Self::Mnist => "dataset = \"idx\", path = \"mnist\"",
            Self::FashionMnist => "dataset = \"idx\", path = \"fashion-mnist\", class-names = \"fashion-mnist\"",
        }
    }
}

const KRIZHEVSKY: &[&str] = &["https://www.cs.toronto.edu/~kriz/"];
const CIFAR10: [RemoteFile; 1] = [RemoteFile {
    path: "cifar-10-binary.tar.gz",
    homes: KRIZHEVSKY,
    n_bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
}];
const CIFAR100: [RemoteFile; 1] = [RemoteFile {
    path: "cifar-100-binary.tar.gz",
    homes: KRIZHEVSKY,
    n_bytes: 168_513_733,
    sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
}];

/// Mirrors that PyTorch and TensorFlow keep; the files' first home answers strangers no more.
const OF_MNIST: &[&str] =
    &["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"];
const MNIST: [RemoteFile; 4] = [
    RemoteFile {
        path: "mnist/train-images-idx3-ubyte.gz",
        homes: OF_MNIST,
        n_bytes: 9_912_422,
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    RemoteFile {
        path: "mnist/train-labels-idx1-ubyte.gz",
        homes: OF_MNIST,
        n_bytes: 28_881,
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    RemoteFile {
        path: "mnist/t10k-images-idx3-ubyte.gz",
        homes: OF_MNIST,
        n_bytes: 1_648_877,
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    RemoteFile {
        path: "mnist/t10k-labels-idx1-ubyte.gz",
        homes: OF_MNIST,
        n_bytes: 4_542,
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
];

/// Its authors' own bucket, and their repository.
const OF_FASHION_MNIST: &[&str] = &[
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
];
const FASHION_MNIST: [RemoteFile; 4] = [
    RemoteFile {
        path: "fashion-mnist/train-images-idx3-ubyte.gz",
        homes: OF_FASHION_MNIST,
        n_bytes: 26_421_880,
        sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    },
    RemoteFile {
        path: "fashion-mnist/train-labels-idx1-ubyte.gz",
        homes: OF_FASHION_MNIST,
        n_bytes: 29_515,
        sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    },
    RemoteFile {
        path: "fashion-mnist/t10k-images-idx3-ubyte.gz",
        homes: OF_FASHION_MNIST,
        n_bytes: 4_422_102,
        sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    },
    RemoteFile {
        path: "fashion-mnist/t10k-labels-idx1-ubyte.gz",
        homes: OF_FASHION_MNIST,
        n_bytes: 5_148,
        sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
];
