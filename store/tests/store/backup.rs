//! Copies of the embedded database, and what comes of them.

use crate::common::{NOW, Place, insert, is_postgres, number};
use store::backup::take_out;
use store::{Database, DatabaseOptions, Restoration, Written};

#[tokio::test]
async fn a_copy_is_whole_while_others_write_and_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    let database = place.open().await;
    for name in 0..50 {
        assert_eq!(database.run(insert(&format!("before{name}"), name)).await, Ok(Written::Done));
    }
    let to = place.folder.path().join("copy.db");
    let writes = database.clone();
    let writing = tokio::spawn(async move {
        for name in 0..200 {
            assert_eq!(writes.run(insert(&format!("while{name}"), name)).await, Ok(Written::Done));
        }
    });
    let bytes = database.back_up(&to).await.unwrap();
    writing.await.unwrap();
    let metadata = std::fs::metadata(&to).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (bytes, 0o600));
    let copy = Database::open(&DatabaseOptions::sqlite(&to)).await.unwrap();
    assert_eq!(copy.missing_migrations().await, Ok(Vec::new()));
    for name in 0..50 {
        assert_eq!(number(&copy, &format!("before{name}")).await, Some(name));
    }
    // One moment: nothing is missing between what is there.
    let mut there = Vec::new();
    for name in 0..200 {
        there.push(number(&copy, &format!("while{name}")).await.is_some());
    }
    assert!(there.is_sorted_by(|earlier, later| *earlier || !*later), "{there:?}");
}

#[tokio::test]
async fn a_copy_never_overwrites_and_leaves_nothing_half_done() {
    let place = Place::sqlite();
    let database = place.open().await;
    let to = place.folder.path().join("copy.db");
    std::fs::write(&to, "precious").unwrap();
    let refused = database.back_up(&to).await.unwrap_err().to_string();
    assert!(refused.contains("is there already"), "{refused}");
    assert_eq!(std::fs::read(&to).unwrap(), b"precious");
    let nowhere = place.folder.path().join("no/such/folder.db");
    let refused = database.back_up(&nowhere).await.unwrap_err().to_string();
    assert!(refused.contains("no/such/folder.db"), "{refused}");
    assert!(!place.folder.path().join("copy.db.partial").exists());
}

/// O309: a copy is moved whole, overwrites nothing, and leaves the folder it was made in either way.
#[tokio::test]
async fn a_copy_is_taken_out_of_the_folder_it_was_made_in() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    let database = place.open().await;
    let folder = place.folder.path();
    let (made, to) = (folder.join("made.db"), folder.join("elsewhere.db"));
    let bytes = database.back_up(&made).await.unwrap();
    assert_eq!(take_out(&made, &to), Ok(bytes));
    let metadata = std::fs::metadata(&to).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (bytes, 0o600));
    assert!(!made.exists());

    for bad in [to.clone(), folder.join("no/such/folder.db")] {
        database.back_up(&made).await.unwrap();
        assert!(take_out(&made, &bad).is_err());
        assert!(!made.exists() && !folder.join("elsewhere.db.partial").exists());
    }
    assert_eq!(std::fs::metadata(&to).unwrap().len(), bytes);
}

/// O310: what root restores belongs to whom the folder belongs; so does the lock beside it.
#[tokio::test]
async fn a_restored_database_belongs_to_the_owner_of_its_folder() {
    use std::os::unix::fs::{MetadataExt, chown};
    const SOMEBODY: u32 = 65_534;
    let owner = |path: &std::path::Path| std::fs::metadata(path).unwrap().uid();
    let place = Place::sqlite();
    let database = place.open().await;
    let copy = place.folder.path().join("copy.db");
    database.back_up(&copy).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    // Only root may give files away; for everybody else they are the same user's anyhow.
    let _given = chown(home.path(), Some(SOMEBODY), None);
    let target = home.path().join("a.db");
    Restoration::begin(&copy, &target, false).unwrap().finish(NOW).unwrap();
    assert_eq!(owner(&target), owner(home.path()));
    assert_eq!(owner(&home.path().join("a.db.lock")), owner(home.path()));
}

#[tokio::test]
async fn postgresql_is_copied_by_its_own_tools() {
    let place = Place::new();
    let database = place.open().await;
    let copied = database.back_up(&place.folder.path().join("copy.db")).await;
    if is_postgres(&database) {
        assert!(copied.unwrap_err().to_string().contains("pg_dump"));
    } else {
        copied.unwrap();
    }
}

#[tokio::test]
async fn a_copy_takes_the_place_of_a_database_and_the_former_one_is_kept() {
    let place = Place::sqlite();
    let database = place.open().await;
    assert_eq!(database.run(insert("old", 1)).await, Ok(Written::Done));
    let (copy, target) = (place.folder.path().join("copy.db"), place.folder.path().join("a.db"));
    database.back_up(&copy).await.unwrap();
    assert_eq!(database.run(insert("new", 2)).await, Ok(Written::Done));
    let in_use = Restoration::begin(&copy, &target, true).unwrap_err().to_string();
    assert!(in_use.contains("in use by process"), "{in_use}");
    drop(database);
    let there = Restoration::begin(&copy, &target, false).unwrap_err().to_string();
    assert!(there.contains("is there already"), "{there}");
    let restoration = Restoration::begin(&copy, &target, true).unwrap();
    assert!(Database::open(&place.options).await.is_err(), "opened while its place is taken");
    let former = restoration.finish(NOW).unwrap().unwrap();
    let restored = Database::open(&place.options).await.unwrap();
    assert_eq!((number(&restored, "old").await, number(&restored, "new").await), (Some(1), None));
    let former = Database::open(&DatabaseOptions::sqlite(&former)).await.unwrap();
    assert_eq!(number(&former, "new").await, Some(2));
}

#[tokio::test]
async fn what_is_no_whole_copy_changes_nothing() {
    let place = Place::sqlite();
    let database = place.open().await;
    for name in 0..300 {
        assert_eq!(database.run(insert(&format!("n{name}"), name)).await, Ok(Written::Done));
    }
    let (copy, target) = (place.folder.path().join("copy.db"), place.folder.path().join("a.db"));
    database.back_up(&copy).await.unwrap();
    drop(database);
    let whole = std::fs::read(&copy).unwrap();
    for bad in [b"no database at all".to_vec(), whole[..whole.len() / 2].to_vec()] {
        std::fs::write(&copy, bad).unwrap();
        let refused = Restoration::begin(&copy, &target, true).unwrap_err().to_string();
        assert!(refused.contains("not a whole copy"), "{refused}");
    }
    let missing = place.folder.path().join("none.db");
    assert!(Restoration::begin(&missing, &target, true).is_err());
    // Looked at, and not wanted.
    std::fs::write(&copy, &whole).unwrap();
    let restoration = Restoration::begin(&copy, &target, true).unwrap();
    assert!(restoration.candidate().exists());
    let candidate = restoration.candidate().to_owned();
    drop(restoration);
    assert!(!candidate.exists());
    assert_eq!(number(&place.open().await, "n299").await, Some(299));
}
