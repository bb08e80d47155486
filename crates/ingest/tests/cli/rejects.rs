//! What is said of files that are no image, and `--fail-on-reject`.

use crate::sandbox::Sandbox;

const CONFIG: &str = "dataset = 'image-folder'\npath = 'photos'\n";
const HERE: &[&str] = &["--data", "."];

#[test]
fn rejects_say_what_a_file_is_and_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.write_png("photos/a.png", [1, 2, 3]);
    sandbox.write("photos/b.png", "");
    sandbox.write("photos/c.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic rest");
    sandbox.write("photos/d.avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf rest");
    sandbox.write("photos/e.png", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n");
    sandbox.write("photos/f.jpg", "<!DOCTYPE html>\n<html><body>404 Not Found</body></html>");
    sandbox.write("photos/g.txt", "words");
    let stdout = sandbox.ingest(CONFIG, HERE);
    let told = "  rejects  6 (1 avif, 1 empty, 1 git-lfs-pointer, 1 heic, 1 unsupported, 1 web-page)\n           avif: convert it \
                first, for instance with `avifdec a.avif a.png`\n           git-lfs-pointer: `git lfs pull` fetches it\n           \
                heic: convert it first, for instance with `heif-convert a.heic a.jpg`\n           web-page: download the image \
                again";
    assert!(stdout.contains(told), "{stdout}");
    let rejects: Vec<_> = sandbox.rejects().into_iter().map(|reject| (reject.source, reject.reason)).collect();
    let expected = [
        ("b.png", "empty"),
        ("c.heic", "heic"),
        ("d.avif", "avif"),
        ("e.png", "git-lfs-pointer"),
        ("f.jpg", "web-page"),
        ("g.txt", "unsupported"),
    ];
    assert_eq!(rejects, expected.map(|(source, reason)| (source.to_owned(), reason.to_owned())));
}

#[test]
fn a_pipeline_can_stop_at_a_reject() {
    let sandbox = Sandbox::new();
    sandbox.write_png("photos/a.png", [1, 2, 3]);
    let flag = &["--data", ".", "--fail-on-reject"];
    assert_eq!(sandbox.try_ingest(CONFIG, flag).code, Some(0));
    sandbox.write("photos/b.png", "damaged");
    let said = sandbox.try_ingest(CONFIG, flag);
    assert_eq!((said.code, said.stderr.as_str()), (Some(3), "1 files or rows were rejected (--fail-on-reject)\n"));
    assert_eq!((sandbox.images().len(), sandbox.rejects().len()), (1, 1), "all is written all the same");
    assert_eq!(sandbox.try_ingest(CONFIG, HERE).code, Some(0));
}
