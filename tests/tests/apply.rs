//! `whittle apply` as a user runs it, on the example account.

use std::path::{Path, PathBuf};

use crate::support::{call, root, shop, stderr, stdout};

/// A folder with results of the example account and a copy of its template.
fn prepared() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    let output = call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--quiet"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let template = dir.path().join("shop.yaml");
    std::fs::copy(root().join("examples/templates/shop.yaml"), &template).unwrap();
    (dir, template)
}

fn apply(dir: &Path, more: &[&str]) -> std::process::Output {
    let snapshot = shop().display().to_string();
    call(dir, &[&["apply", "shop.yaml", "--snapshot", &snapshot], more].concat())
}

#[test]
fn diff_and_check_write_nothing_and_a_second_run_changes_nothing() {
    let (dir, template) = prepared();
    let before = std::fs::read(&template).unwrap();
    let diff = apply(dir.path(), &["--diff"]);
    assert_eq!(diff.status.code(), Some(0), "{}", stderr(&diff));
    let text = stdout(&diff);
    assert!(text.starts_with("--- a/shop.yaml\n+++ b/shop.yaml\n@@"), "{text}");
    assert!(text.contains("-              Action: dynamodb:*\n"), "{text}");
    let check = apply(dir.path(), &["--check"]);
    assert_eq!(check.status.code(), Some(1), "{}", stderr(&check));
    assert_eq!(std::fs::read(&template).unwrap(), before);

    let written = apply(dir.path(), &[]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    assert!(
        stderr(&written).contains("5 of 5 functions narrowed") || stderr(&written).contains("functions narrowed"),
        "{}",
        stderr(&written)
    );
    let after = std::fs::read_to_string(&template).unwrap();
    for kept in [
        "# Takes orders from the web page.",
        "# orders and carts",
        "# The invoices as PDF.",
        "Action: [sqs:PurgeQueue, sqs:DeleteQueue]",
    ] {
        assert!(after.contains(kept), "{kept} is gone:\n{after}");
    }
    assert!(!after.contains("Action: dynamodb:*"), "{after}");
    let check = apply(dir.path(), &["--check"]);
    assert_eq!(check.status.code(), Some(0), "{}{}", stderr(&check), stdout(&apply(dir.path(), &["--diff"])));
    let again = apply(dir.path(), &[]);
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&template).unwrap(), after);
}

#[test]
fn one_function_is_edited_and_the_others_stay() {
    let (dir, template) = prepared();
    let output = apply(dir.path(), &["Invoice"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let after = std::fs::read_to_string(&template).unwrap();
    assert!(after.contains("Action: dynamodb:*") && !after.contains("\"kms:*\""), "{after}");
}

#[test]
fn errors_say_what_to_do() {
    let (dir, template) = prepared();
    let output = apply(dir.path(), &["Nobody"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("has no function `Nobody`") && stderr(&output).contains("Checkout, Invoice"),
        "{}",
        stderr(&output)
    );

    let text = std::fs::read_to_string(&template).unwrap();
    std::fs::write(
        &template,
        text.replace("      FunctionName: shop-report-daily\n", "")
            .replace("FunctionName: shop-checkout", "FunctionName: checkout-of-somebody"),
    )
    .unwrap();
    let output = call(dir.path(), &["apply", "shop.yaml", "--check"]);
    assert!(
        stderr(&output).contains("Checkout: the function `checkout-of-somebody` was not analysed"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("ReportDaily: nothing says which function this is"), "{}", stderr(&output));

    // What the role that was analysed did not allow is not taken away.
    let wider = text.replace("Action: [\"kms:*\"]", "Action: [\"kms:*\", \"sqs:SendMessage\"]");
    std::fs::write(&template, &wider).unwrap();
    let output = apply(dir.path(), &["Invoice"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("the file allows sqs:SendMessage, which the role that was analysed was not allowed"),
        "{}",
        stderr(&output)
    );
    assert!(stdout(&output).contains("Policies:\n"), "{}", stdout(&output));
    assert_eq!(std::fs::read_to_string(&template).unwrap(), wider);

    std::fs::write(&template, "Resources:\n\tFn: 1\n").unwrap();
    let output = apply(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("a tab is used for indentation")
            && stderr(&output).contains("hint: indent with spaces"),
        "{}",
        stderr(&output)
    );
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, template) = prepared();
    std::fs::set_permissions(&template, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = dir.path().join("link.yaml");
    std::os::unix::fs::symlink("shop.yaml", &link).unwrap();
    let snapshot = shop().display().to_string();
    let output = call(dir.path(), &["apply", "link.yaml", "--snapshot", &snapshot]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(std::fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
    assert_eq!(std::fs::metadata(&template).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(!std::fs::read_to_string(&template).unwrap().contains("dynamodb:*"));
    let left_over = std::fs::read_dir(dir.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".whittle-"));
    assert_eq!(left_over.count(), 0);
}
