//! Functions and tables: each call is one of `lua/functions.lua`, but for what reads a single key.

use async_trait::async_trait;
use redis::cmd;
use serde_json::value::RawValue;
use upto_wire::Time;

use super::{Redis, Result, StoreError};
use crate::store::functions::{
    Activation, Added, Content, DeadLetter, FunctionRow, FunctionStore, NewVersion, TableRow, VersionRow,
};

/// Name, versions, active, canary, rolled back.
type Function = (String, u32, Option<u32>, String, String);
/// Number, language, SHA-256, size, cases, settings, author, time.
type Version = (u32, String, Vec<u8>, u64, u32, String, String, i64);
/// Name, format, rows, size, SHA-256, time.
type Table = (String, String, u32, u64, Vec<u8>, i64);

#[async_trait]
impl FunctionStore for Redis {
    async fn registry_revision(&self) -> Result<u64> {
        let mut get = cmd("GET");
        let revision: Option<u64> = self.server.command(get.arg("upto:registry")).await?;
        Ok(revision.unwrap_or_default())
    }

    async fn registry_changed(&self) {
        // Whoever waits polls as well, which is cheap here.
        std::future::pending().await
    }

    async fn functions(&self) -> Result<Vec<FunctionRow>> {
        let rows: Vec<Function> = self.server.run(&self.functions.arg("functions")).await?;
        Ok(rows.into_iter().map(function_row).collect())
    }

    async fn add_version(&self, new: &NewVersion) -> Result<Added> {
        let cases: Vec<&RawValue> = serde_json::from_str(&new.cases)
            .map_err(|error| StoreError::Rejected(format!("the cases are no JSON list: {error}")))?;
        let mut call = self.functions.arg("add_version");
        call.arg(&new.function).arg(u8::from(new.activate));
        call.arg("language").arg(&new.language).arg("sha256").arg(new.sha256.as_slice());
        call.arg("code").arg(new.code.as_slice()).arg("cases").arg(&new.cases).arg("case_count").arg(cases.len());
        call.arg("settings").arg(&new.settings).arg("author").arg(&new.author);
        call.arg("created_at").arg(new.created_at.micros());
        let (number, made) = self.server.run(&call).await?;
        Ok(Added { number, made })
    }

    async fn versions(&self, function: &str, before: Option<u32>, limit: u32) -> Result<Vec<VersionRow>> {
        let from = before.map_or(u32::MAX, |before| before.saturating_sub(1));
        let rows: Vec<Version> =
            self.server.run(self.functions.arg("versions").arg(function).arg(from).arg(limit)).await?;
        rows.into_iter().map(|row| version_row(function, row)).collect()
    }

    async fn version(&self, function: &str, number: u32) -> Result<Option<(VersionRow, Content)>> {
        let found: Vec<(Version, Vec<u8>, String)> =
            self.server.run(self.functions.arg("version").arg(function).arg(number)).await?;
        let found = found.into_iter().next();
        found.map(|(row, code, cases)| Ok((version_row(function, row)?, Content { code, cases }))).transpose()
    }

    async fn activate(&self, function: &str, activation: &Activation) -> Result<Option<FunctionRow>> {
        let text = |text: &Option<String>| text.as_ref().map_or("-".to_owned(), |text| format!("={text}"));
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut call = self.functions.arg("activate");
        call.arg(function).arg(text(&activation.active.map(number)));
        call.arg(text(&activation.canary)).arg(text(&activation.rolled_back)).arg(text(&activation.only_canary));
        let rows: Vec<Function> = self.server.run(&call).await?;
        Ok(rows.into_iter().next().map(function_row))
    }

    async fn delete_function(&self, function: &str) -> Result<bool> {
        self.server.run(self.functions.arg("delete_function").arg(function)).await
    }

    async fn tables(&self) -> Result<Vec<TableRow>> {
        let rows: Vec<Table> = self.server.run(&self.functions.arg("tables")).await?;
        let row = |(name, format, rows, size, sha256, changed_at): Table| {
            let (sha256, changed_at) = (sha256_of(sha256)?, Time::from_micros(changed_at));
            Ok(TableRow { name, format, rows, size, sha256, changed_at })
        };
        rows.into_iter().map(row).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut get = cmd("HGET");
        get.arg(format!("upto:t:{{{name}}}")).arg("content");
        self.server.command(&get).await
    }

    async fn put_table(&self, row: &TableRow, content: &[u8]) -> Result<()> {
        let mut call = self.functions.arg("put_table");
        call.arg(&row.name).arg("format").arg(&row.format).arg("rows").arg(row.rows);
        call.arg("sha256").arg(row.sha256.as_slice()).arg("content").arg(content);
        call.arg("changed_at").arg(row.changed_at.micros());
        self.server.run(&call).await
    }

    async fn delete_table(&self, name: &str) -> Result<bool> {
        self.server.run(self.functions.arg("delete_table").arg(name)).await
    }

    async fn add_dead_letters(&self, letters: &[DeadLetter]) -> Result<()> {
        self.add_letters(letters).await
    }

    async fn dead_letters(&self, function: &str, after: Option<&str>, limit: u32) -> Result<Vec<DeadLetter>> {
        self.read_letters(function, after.unwrap_or_default(), limit).await
    }

    async fn count_dead_letters(&self) -> Result<Vec<(String, u64)>> {
        self.server.run(&self.functions.arg("count_letters")).await
    }

    async fn delete_dead_letters(&self, function: &str, ids: Option<&[String]>) -> Result<u64> {
        match ids {
            Some(ids) => self.server.run(self.functions.arg("delete_letters").arg(function).arg(ids)).await,
            None => self.server.run(self.functions.arg("delete_all_letters").arg(function)).await,
        }
    }

    async fn expire_dead_letters(&self, before: Time) -> Result<u64> {
        self.server.run(self.functions.arg("expire_letters").arg(before.micros())).await
    }
}

fn function_row((name, versions, active, canary, rolled_back): Function) -> FunctionRow {
    FunctionRow { name, versions, active, canary, rolled_back }
}

fn version_row(function: &str, row: Version) -> Result<VersionRow> {
    let (number, language, sha256, size, cases, settings, author, created_at) = row;
    let (sha256, created_at) = (sha256_of(sha256)?, Time::from_micros(created_at));
    Ok(VersionRow {
        function: function.to_owned(),
        number,
        language,
        sha256,
        size,
        cases,
        settings,
        author,
        created_at,
    })
}

fn sha256_of(bytes: Vec<u8>) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| StoreError::Fatal("a SHA-256 in the store does not have 32 bytes".to_owned()))
}
