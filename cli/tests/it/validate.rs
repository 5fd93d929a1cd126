//! `validate`: rows that pass, rows that fail, and cases that run again as scenarios.

use crate::command::Room;

const HEADER: &str = "case,arrivals,call,workers,batch,parallelism,metric,value,rel_tol\n";

/// A system so regular that its figures are exact: one call at a time, no waiting.
const REGULAR: &str = "D/D/1,renewal(det(value=0.1)),det(value=0.05),1,1,1";

#[test]
fn a_case_that_passes_is_0_and_simulates_to_the_same_hash() {
    let room = Room::new();
    let rows = [
        "utilisation,0.5,0.01",
        "sojourn_mean,0.05,0.01",
        "wait_mean,0,0.01",
    ];
    let rows = rows.map(|row| format!("{REGULAR},{row}\n")).concat();
    room.write("cases.csv", format!("{HEADER}{rows}"));
    let args = ["validate", "cases.csv", "--seed", "3", "--emit", "cases"];
    let run = room.run(&args);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let end = "1 case: 3 rows pass, 0 fail\n";
    assert!(run.stdout.ends_with(end), "{}", run.stdout);

    let (_, hash) = run.stdout.split_once("result hash ").expect("a hash");
    let again = room.run(&["simulate", "cases/D-D-1.ron", "--format", "json"]);
    assert!(again.stdout.contains(&hash[..32]), "{}", again.stdout);
}

#[test]
fn a_row_that_is_off_or_cannot_be_expressed_is_1() {
    let room = Room::new();
    let odd = "odd,poisson(rate=1),cauchy(mean=1),1,1,1,wait_mean,1,0.02";
    let off = format!("{REGULAR},utilisation,0.55,0.01");
    let unknown = format!("{REGULAR},wait_p42,1,0.02");
    room.write("cases.csv", format!("{HEADER}{odd}\n{off}\n{unknown}\n"));
    let run = room.run(&["validate", "cases.csv"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let count = |text| run.stdout.matches(text).count();
    assert_eq!(count("fail: cannot be expressed"), 2, "{}", run.stdout);
    let told = "line 2: distribution \"cauchy\" is not known, allowed are det,";
    assert_eq!(count(told), 1, "{}", run.stdout);
    let told = "line 4: figure \"wait_p42\" is not known, did you mean wait_p";
    assert_eq!(count(told), 1, "{}", run.stdout);
    let misses = count("fail: the interval misses the value");
    assert_eq!(misses, 1, "{}", run.stdout);
}

#[test]
fn a_file_of_somebody_else_is_not_overwritten() {
    let room = Room::new();
    let rows = format!("{REGULAR},utilisation,0.5,0.01\n");
    room.write("cases.csv", format!("{HEADER}{rows}"));
    room.write("D-D-1.ron", "mine");
    let refused = room.run(&["validate", "cases.csv", "--emit", "."]);
    assert_eq!(refused.code, 2);
    assert_eq!(room.read("D-D-1.ron"), "mine");
    // Nor is anything run where it cannot be written.
    std::fs::create_dir_all(room.path().join("taken/D-D-1.ron")).expect("the room is ours");
    let refused = room.run(&["validate", "cases.csv", "--emit", "taken"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("cannot be written"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stdout, "");
}
