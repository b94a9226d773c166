//! The queries in `docs/sql.md` run on both databases, and answer what they say.

use super::views::on_both_databases;
use super::*;

const PAGE: &str = include_str!("../../../../docs/sql.md");
/// The questions that the page promises.
const QUESTIONS: usize = 10;

/// For each question its query for one of the databases.
fn queries(for_postgres: bool) -> Vec<String> {
    let questions = PAGE.split("\n### ").skip(1);
    let query = |question: &str| {
        let block = |language: &str| {
            let (_, rest) = question.split_once(&format!("\n```{language}\n"))?;
            Some(rest.split_once("\n```")?.0.to_owned())
        };
        let postgres = block("sql").expect("each question has a query");
        match for_postgres {
            true => postgres,
            false => block("sqlite").unwrap_or_else(|| postgres.replace("upto.", "")),
        }
    };
    questions.map(query).collect()
}

/// Two runs: in the second one most is slower, and one step never ends.
async fn write_two_runs(store: &dyn Store) {
    let noon = |time: &str| Time::parse(&format!("2025-11-22T{time}Z")).expect("a time");
    let steps = [
        ("gh-1", "build", "", Some("14:00:00"), Some("14:03:00"), None),
        ("gh-1", "db.migrate", "db-1", Some("14:03:00"), Some("14:04:00"), Some(Status::Success)),
        ("gh-1", "db.migrate", "db-2", Some("14:03:00"), Some("14:06:00"), Some(Status::Success)),
        ("gh-1", "app.restart", "web-1", Some("14:06:00"), Some("14:06:30"), None),
        ("gh-1", "smoke", "", Some("14:06:30"), Some("14:07:00"), Some(Status::Failure)),
        ("gh-2", "build", "", Some("15:00:00"), Some("15:04:00"), None),
        ("gh-2", "db.migrate", "db-1", Some("15:04:00"), Some("15:05:30"), None),
        ("gh-2", "db.migrate", "db-2", Some("15:04:00"), Some("15:08:00"), None),
        ("gh-2", "app.restart", "web-1", Some("15:08:00"), Some("15:08:20"), None),
        ("gh-2", "app.restart", "web-2", None, Some("15:08:40"), None),
        ("gh-2", "smoke", "", Some("15:08:20"), None, None),
    ];
    for (run, name, host, started, ended, status) in steps {
        let labels: &[(&str, &str)] = if name == "smoke" { &[("suite", "all")] } else { &[] };
        let start = Report { labels: labels.iter().copied().collect(), ..Report::new(Kind::Start, "-", "-") };
        let end = Report { status, ..Report::new(Kind::End, "-", "-") };
        let started = started.map(|time| Event::of_report(&start, noon(time)));
        let ended = ended.map(|time| Event::of_report(&end, noon(time)));
        let event = merged(started.into_iter().chain(ended));
        store
            .write(&batch([change("deploy", named(run), key(name, host), event)], noon("15:09:00")))
            .await
            .expect("written");
    }
    let point = Event::of_report(&Report::new(Kind::Point, "-", "-"), noon("14:06:30"));
    let changes = [change("deploy", named("gh-1"), key("traffic.on", "web-1"), point)];
    store.write(&batch(changes, noon("15:09:00"))).await.expect("written");
}

/// The rows as a person reads them: cells with a comma between, numbers as short as they can be.
fn lines(rows: Vec<Vec<Option<String>>>) -> Vec<String> {
    let cell = |cell: Option<String>| match cell {
        None => "-".to_owned(),
        Some(text) => text.parse::<f64>().map_or(text, |number| number.to_string()),
    };
    rows.into_iter().map(|row| row.into_iter().map(cell).collect::<Vec<_>>().join(",")).collect()
}

async fn the_queries_of_the_page_answer_their_questions(database: Database) {
    write_two_runs(&*database.open().await).await;
    let answers: [&[&str]; QUESTIONS] = [
        &["2,build,,240", "2,db.migrate,db-2,240", "1,build,,180", "1,db.migrate,db-2,180", "2,db.migrate,db-1,90"],
        &["db-2,180,1", "db-1,60,1", "web-1,30,1"],
        &["1,db.migrate,db-2,14:03:00,14:06:00"],
        &["build,,180,240,60", "db.migrate,db-2,180,240,60", "db.migrate,db-1,60,90,30"],
        &["2,smoke,,15:08:20"],
        &["smoke,1,2"],
        &["2,gh-2,unfinished,520,470", "1,gh-1,failed,420,420"],
        &["db,330", "build,240", "app,20"],
        &["build,2,180,240", "db.migrate,4,90,240", "smoke,1,30,30", "app.restart,2,20,30"],
        &["1,smoke,failed,all", "2,smoke,unfinished,all"],
    ];
    let queries = queries(database.is_postgres());
    assert_eq!(queries.len(), QUESTIONS);
    // The two databases write the same moment in two ways.
    let (day, fraction) = match database.is_postgres() {
        true => ("2025-11-22 ", "+00"),
        false => ("2025-11-22T", ".000000Z"),
    };
    for (number, (query, answer)) in queries.iter().zip(answers).enumerate() {
        let set_zone = if database.is_postgres() { "SET TIME ZONE 'UTC';" } else { "" };
        let rows = lines(database.query(&format!("{set_zone}{query}")).await);
        let rows: Vec<_> = rows.iter().map(|line| line.replace(day, "").replace(fraction, "")).collect();
        assert_eq!(rows, answer, "question {}: {query}", number + 1);
    }
}

on_both_databases!(the_queries_of_the_page_answer_their_questions);
