use std::fs::{create_dir_all, write};

use super::*;

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path, text).unwrap();
    (folder, path)
}

fn read(path: &Path) -> Result<Vec<Item>, DatasetError> {
    Layout::detect(path)?.items(path)?.collect()
}

fn shares(items: &[Item]) -> Vec<f64> {
    let share = |item: &Item| match item.judgement {
        Judgement::Triplet { right_share: value, .. }
        | Judgement::Same { same: value, .. }
        | Judgement::Rating { score: value, .. } => value,
        Judgement::OddOneOut { odd, .. } => odd[2],
    };
    items.iter().map(share).collect()
}

#[test]
fn triplets_from_csv_and_jsonl_are_the_same() {
    let csv = "reference,left,right,votes_right,votes,subset\nr.png,a.png,b.png,1,4,x\n\"r,2.png\",a.png,c.png,3,3,\n";
    let (folder, path) = file("t.csv", csv);
    let items = read(&path).unwrap();
    assert_eq!(shares(&items), [0.25, 1.0]);
    assert_eq!(items[0].subset.as_deref(), Some("x"));
    assert_eq!(items[1].subset, None);
    assert_eq!(items[1].judgement.pairs()[0][0], folder.path().join("r,2.png"));
    let lines = concat!(
        r#"{"reference":"r.png","left":"a.png","right":"b.png","votes_right":1,"votes":4,"subset":"x"}"#,
        "\n\n",
        r#"{"reference":"r,2.png","left":"a.png","right":"c.png","votes_right":3,"votes":3}"#
    );
    let other = folder.path().join("t.jsonl");
    write(&other, lines).unwrap();
    assert_eq!(read(&other).unwrap(), items);
}

#[test]
fn the_direction_of_ratings_is_said_by_the_column() {
    let (_a, mos) = file("r.csv", "reference,candidate,mos,std,n\nr,a,4.5,0.1,20\n");
    let (_b, dmos) = file("r.csv", "reference,candidate,dmos\nr,a,4.5\n");
    assert_eq!(shares(&read(&mos).unwrap()), [4.5]);
    assert_eq!(shares(&read(&dmos).unwrap()), [-4.5]);
    let (_c, both) = file("r.csv", "reference,candidate,dmos,mos\nr,a,4.5,1\n");
    assert!(read(&both).unwrap_err().to_string().contains("line 2: expected one of 'score'"));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    const HEAD: &str = "reference,left,right,votes_right,votes\n";
    for (rows, part) in [
        ("r,a,b,5,3\n", "line 2: 'votes_right' is 5, expected 0 to 3"),
        ("r,a,b,1,3\nr,a,b,x,3\n", "line 3: expected a number as 'votes_right', found 'x'"),
        ("r,a,b,NaN,3\n", "line 2: expected a number"),
        ("r,a,b,-1,3\n", "line 2"),
        ("r,a,b,0,0\n", "line 2: expected more than 0 as 'votes'"),
        ("r,,b,0,1\n", "line 2: 'left' is missing"),
        ("r,a,b,0\n", "line 2"),
    ] {
        let (_folder, path) = file("t.csv", &format!("{HEAD}{rows}"));
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    for (head, part) in [
        ("reference,left,right,votes_right,votes,colour\n", "'colour' is unknown"),
        ("reference,left,left,votes_right,votes\n", "'left' is there twice"),
        ("a,b,c\n", "fits no layout"),
        ("reference,left,right,votes_right,score\n", "several layouts (triplets, ratings)"),
        ("reference,left,right,votes\nr,a,b,1\n", "'votes_right' is missing"),
    ] {
        let (_folder, path) = file("t.csv", head);
        let message = read(&path).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn bapps_belongs_together_by_stem() {
    let folder = tempfile::tempdir().unwrap();
    for (set, share) in [("cnn", 0.2), ("color", 1.0)] {
        let set = folder.path().join("2afc/val").join(set);
        for kind in ["ref", "p0", "p1"] {
            create_dir_all(set.join(kind)).unwrap();
            write(set.join(kind).join("000001.png"), b"").unwrap();
        }
        create_dir_all(set.join("judge")).unwrap();
        write(set.join("judge/000001.npy"), crate::npy::written(share, "(1,)")).unwrap();
    }
    let items = read(folder.path()).unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].subset.as_deref(), Some("cnn"));
    assert_eq!(shares(&items), [f64::from(0.2_f32), 1.0]);
    let Judgement::Triplet { left, right, .. } = &items[1].judgement else { panic!() };
    assert!(left.ends_with("color/p0/000001.png") && right.ends_with("color/p1/000001.png"));
    assert_eq!(read(&folder.path().join("2afc/val/cnn")).unwrap(), items[..1]);
    std::fs::rename(
        folder.path().join("2afc/val/cnn/p1/000001.png"),
        folder.path().join("2afc/val/cnn/p1/000002.png"),
    )
    .unwrap();
    let message = read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("'000001' is only among the judgements"), "{message}");
    let jnd = folder.path().join("jnd/val/cnn");
    for kind in ["p0", "p1", "same"] {
        create_dir_all(jnd.join(kind)).unwrap();
    }
    write(jnd.join("p0/0.png"), b"").unwrap();
    write(jnd.join("p1/0.png"), b"").unwrap();
    write(jnd.join("same/0.npy"), crate::npy::written(1.5, "()")).unwrap();
    let message = Layout::detect(folder.path()).unwrap_err().to_string();
    assert!(message.contains("several layouts (bapps-2afc, bapps-jnd)"), "{message}");
    let message = read(&jnd).unwrap_err().to_string();
    assert!(message.contains("0.npy: expected a share from 0 to 1, found 1.5"), "{message}");
}

#[test]
fn nights_counts_what_its_authors_count() {
    let csv = "id,left_vote,right_vote,votes,ref_path,left_path,right_path,prompt,split,is_imagenet\n\
               0,1.0,0.0,6,ref/0.png,distort/0_0.png,distort/0_1.png,a,train,True\n\
               1,0.0,1.0,5,ref/1.png,distort/1_0.png,distort/1_1.png,a,test,True\n\
               2,0.0,1.0,7,ref/2.png,distort/2_0.png,distort/2_1.png,a,test,False\n";
    let (folder, path) = file("data.csv", csv);
    let items = read(folder.path()).unwrap();
    assert_eq!(items, read(&path).unwrap());
    assert_eq!(shares(&items), [0.0, 1.0]);
    assert_eq!(items[1].subset.as_deref(), Some("test"));
}

#[test]
fn published_ratings() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in [
        "tid/reference_images/I01.BMP",
        "tid/distorted_images/i01_05_2.bmp",
        "pipal/Train_Ref/A1.bmp",
        "pipal/Train_Dist_1/A1_00_03.bmp",
    ] {
        create_dir_all(root.join(name).parent().unwrap()).unwrap();
        write(root.join(name), b"").unwrap();
    }
    write(root.join("tid/mos_with_names.txt"), "5.51429 I01_05_2.bmp\n").unwrap();
    let items = read(&root.join("tid")).unwrap();
    assert_eq!(items[0].judgement.pairs()[0][0], root.join("tid/reference_images/I01.BMP"));
    assert_eq!(items[0].judgement.pairs()[0][1], root.join("tid/distorted_images/i01_05_2.bmp"));
    assert_eq!((shares(&items), items[0].subset.as_deref()), (vec![5.51429], Some("05")));
    create_dir_all(root.join("pipal/Train_Label")).unwrap();
    write(root.join("pipal/Train_Label/A1.txt"), "A1_00_03.bmp,1434.5\n").unwrap();
    let items = read(&root.join("pipal")).unwrap();
    assert_eq!(items[0].judgement.pairs()[0][1], root.join("pipal/Train_Dist_1/A1_00_03.bmp"));
    assert_eq!(shares(&items), [1434.5]);
    create_dir_all(root.join("kadid")).unwrap();
    let csv = "dist_img,ref_img,dmos,var\nI01_02_03.png,I01.png,4.57,0.496\n";
    write(root.join("kadid/dmos.csv"), csv).unwrap();
    let items = read(&root.join("kadid")).unwrap();
    assert_eq!((shares(&items), items[0].subset.as_deref()), (vec![4.57], Some("02")));
    write(root.join("tid/mos_with_names.txt"), "x I01_05_2.bmp\n").unwrap();
    assert!(read(&root.join("tid")).unwrap_err().to_string().contains("line 1"));
}

proptest::proptest! {
    #[test]
    fn foreign_bytes_are_an_error_or_items(bytes: Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x.csv", "x.jsonl"] {
            let path = folder.path().join(name);
            let head = &b"reference,candidate,score\n"[..];
            for content in [bytes.clone(), [head, &bytes].concat()] {
                write(&path, content).unwrap();
                for layout in Layout::ALL {
                    let _ = layout.items(&path).map(|items| items.count());
                }
                let _ = Layout::detect(&path);
            }
        }
    }
}

#[test]
fn questions_have_no_votes() {
    let text = "reference,left,right,subset,expected\nr,a,b,x,\nr,r,b,,left\n";
    let (folder, path) = file("q.csv", text);
    let read = |path: &Path, protocol| -> Result<Vec<Question>, DatasetError> {
        questions(path, protocol)?.collect()
    };
    let all = read(&path, Protocol::TwoAlternative).unwrap();
    assert_eq!(all[0].candidates, [folder.path().join("a"), folder.path().join("b")]);
    assert_eq!((all[0].subset.as_deref(), all[0].expected.as_deref()), (Some("x"), None));
    assert_eq!((all[1].line, all[1].expected.as_deref()), (3, Some("left")));
    let lines = folder.path().join("q.jsonl");
    write(&lines, "{\"reference\":\"r\",\"candidate\":\"a\"}\n").unwrap();
    for protocol in [Protocol::JustNoticeable, Protocol::Rating] {
        assert_eq!(read(&lines, protocol).unwrap()[0].candidates, [folder.path().join("a")]);
        let message = read(&path, protocol).unwrap_err().to_string();
        assert!(message.contains("the column 'left' is unknown"), "{message}");
    }
    let (_missing, path) = file("q.csv", "reference,left,right\nr,a,\n");
    let message = read(&path, Protocol::TwoAlternative).unwrap_err().to_string();
    assert!(message.contains("line 2: 'right' is missing"), "{message}");
}

#[test]
fn odd_ones_have_a_vote_for_each_of_three() {
    let head = "first,second,third,votes_first,votes_second,votes_third\n";
    let (folder, path) = file("o.csv", &format!("{head}a,b,c,1,0,3\n"));
    assert_eq!(Layout::detect(&path).unwrap(), Layout::OddOneOut);
    let items = read(&path).unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    assert_eq!(items[0].judgement.pairs(), [[&*a, &*b], [&a, &c], [&b, &c]]);
    assert_eq!(shares(&items), [0.75]);
    for (votes, part) in [
        ("0,0,0", "line 2: expected at least one vote in votes_first, votes_second, votes_third"),
        ("2,-1,1", "line 2: 'votes_second' is -1, expected 0 or more"),
        ("2,1,", "line 2: 'votes_third' is missing or empty"),
    ] {
        let (_folder, path) = file("o.csv", &format!("{head}a,b,c,{votes}\n"));
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    assert!(questions(&path, Protocol::OddOneOut).is_err());
}
