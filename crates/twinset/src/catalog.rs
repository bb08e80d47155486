//! The commands, in words of those who want something.

/// A command that is a program of its own.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    /// What the program is called with before the user's arguments.
    pub(crate) args: &'static [&'static str],
    about: &'static str,
    /// The program that has to find libtorch: this one, or one that it starts.
    pub(crate) with_libtorch: Option<&'static str>,
}

/// Commands that are looked for together.
struct Group {
    title: &'static str,
    /// Commands of `twinset` itself: name and what they do.
    own: &'static [(&'static str, &'static str)],
    programs: &'static [Entry],
}

const fn entry(name: &'static str, program: &'static str, args: &'static [&'static str], about: &'static str) -> Entry {
    Entry { name, program, args, about, with_libtorch: None }
}

const fn with_libtorch(name: &'static str, program: &'static str, about: &'static str) -> Entry {
    Entry { name, program, args: &[], about, with_libtorch: Some(program) }
}

const fn of_study(name: &'static str, args: &'static [&'static str], about: &'static str) -> Entry {
    Entry { name, program: "twinset-study", args, about, with_libtorch: Some("twinset-train") }
}

const GROUPS: &[Group] = &[
    Group {
        title: "Find the duplicates in a folder of pictures",
        own: &[("scan", "find the duplicates and show them: start here")],
        programs: &[
            entry("clean", "twinset-neardup", &["clean"], "list the duplicates to delete, or copy what stays"),
            entry("split", "twinset-neardup", &["split"], "draw train, val and test so that no duplicate leaks"),
            entry("gallery", "twinset-neardup", &["gallery"], "show pairs of duplicates on a page"),
        ],
    },
    Group {
        title: "Audit a dataset or a model",
        own: &[],
        programs: &[
            entry("leaks", "twinset-leaks", &[], "what duplicates do to the accuracy of any model"),
            entry("audit", "twinset-audit", &[], "what is in manifests, is it sound, where does it come from, SQL"),
        ],
    },
    Group {
        title: "Study what duplicates do",
        own: &[("new-study", "write a study of your own images")],
        programs: &[
            of_study("plan", &["plan"], "what a study would run, and how long"),
            of_study("reproduce", &["reproduce"], "run a study; called again it goes on"),
            of_study("work", &["work"], "run a study beside other workers, on one machine or several"),
            of_study("submit", &["submit"], "have Slurm run a study: workers, then the report"),
            of_study("status", &["status"], "what of a study is done, failed or missing"),
            of_study("why", &["why"], "in what an unfinished run differs from finished ones"),
            of_study("gc", &["gc"], "remove runs that no study reaches any more"),
        ],
    },
    Group {
        title: "The stages, one by one",
        own: &[],
        programs: &[
            entry("download", "twinset-ingest", &["download"], "fetch a public dataset"),
            entry("ingest", "twinset-ingest", &[], "read a dataset"),
            entry("neardup", "twinset-neardup", &[], "find which images are duplicates of which"),
            entry("inject", "twinset-inject", &[], "make a training set with duplicates"),
            with_libtorch("train", "twinset-train", "train a network, also adversarially"),
            with_libtorch("evaluate", "twinset-evaluate", "classify images, clean and attacked"),
            entry("report", "twinset-report", &[], "tables, statistics and plots of a study"),
            entry("gaussian", "twinset-gaussian", &[], "the published toy: two classes in the plane"),
        ],
    },
];

/// The command of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    GROUPS.iter().flat_map(|group| group.programs).find(|entry| entry.name == name)
}

/// The known command whose name is most like this one; none where none is like it.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let own = GROUPS.iter().flat_map(|group| group.own).map(|(name, _)| *name);
    let names = own.chain(GROUPS.iter().flat_map(|group| group.programs).map(|entry| entry.name));
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    names
        .map(|known| (distance(known), known))
        .min()
        .filter(|(n, known)| *n <= known.len() / 3 + 1)
        .map(|(_, known)| known)
}

/// `twinset` with all commands, also those that are programs of their own.
pub(crate) fn whole(command: clap::Command) -> clap::Command {
    let programs = GROUPS.iter().flat_map(|group| group.programs);
    let described = programs.map(|entry| clap::Command::new(entry.name).about(entry.about));
    described.fold(command, clap::Command::subcommand)
}

/// What `twinset --help` prints.
pub(crate) fn help() -> String {
    let mut help = "Find duplicated images, and what they do to image classifiers.\n\n\
                    Usage: twinset <COMMAND> [ARGUMENTS]\n"
        .to_owned();
    for group in GROUPS {
        help += &format!("\n{}:\n", group.title);
        let own = group.own.iter().copied();
        for (name, about) in own.chain(group.programs.iter().map(|entry| (entry.name, entry.about))) {
            help += &format!("  {name:<11}{about}\n");
        }
    }
    help + "\n`twinset COMMAND --help` explains a command. `twinset scan my-photos/` is a good start.\n\n\
            Options:\n  -h, --help     Print help\n  -V, --version  Print version, commit and the libtorch that the programs want\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(nearest(name), expected, "{name}");
        check("scna", Some("scan"));
        check("galery", Some("gallery"));
        check("new_study", Some("new-study"));
        check("reprodcue", Some("reproduce"));
        check("audti", Some("audit"));
        check("frobnicate", None);
    }
}
