//! A franchise's shops from a spreadsheet, with a result for each row.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use chrono_tz::Tz;
use csv::{ByteRecord, ReaderBuilder, Trim};
use domain::{E164, LocationId, TextSender, WeekHours};
use serde::Serialize;
use store::Location;
use uuid::Uuid;

use crate::{Desk, Error};

/// The columns, in any order.
const COLUMNS: [&str; 6] = ["crm_location_id", "name", "time_zone", "phone", "postal_address", "hours"];
/// Columns that a file may have beside those: several shops that are led together, when it is open, as rules read it, on which days it
/// is closed all the same, and who its texts are from.
const OPTIONAL: [&str; 4] = ["region", "opening", "closed_on", "text_sender"];
const LONGEST_FIELD: usize = 300;
const MOST_ROWS: usize = 10_000;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    pub added: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub refused: usize,
    pub rows: Vec<ImportedRow>,
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedRow {
    /// In the file; the line of the names is 1.
    pub line: u64,
    pub crm_location_id: String,
    #[serde(flatten)]
    pub outcome: RowOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum RowOutcome {
    Added,
    Updated,
    Unchanged,
    Refused { problems: Vec<RowProblem> },
}

/// What is wrong with a row, in the words of whoever made the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    pub column: &'static str,
    pub says: String,
}

/// Takes in every row that is right, all at once, and says of each other what is wrong with it. The same file again changes nothing.
/// `dry_run`: nothing is kept.
pub async fn import_locations(desk: &Desk, slug: &str, file: &[u8], dry_run: bool) -> Result<Imported, Error> {
    let tenant = desk.find(slug).await?;
    let rows = read(file)?;
    let mut tx = desk.store.begin(tenant).await?;
    let known: HashMap<_, _> =
        tx.locations().list().await?.into_iter().map(|shop| (shop.crm_location_id.clone(), shop)).collect();
    let mut imported = Imported { added: 0, updated: 0, unchanged: 0, refused: 0, rows: Vec::new() };
    for Row { line, crm_location_id, read } in rows {
        let outcome = match read {
            Err(problems) => RowOutcome::Refused { problems },
            Ok(fields) => {
                let before = known.get(&crm_location_id);
                let id = before.map_or_else(
                    || LocationId::new(Uuid::new_v5(&tenant.uuid(), crm_location_id.as_bytes())),
                    |shop| shop.id,
                );
                let location = fields.at(id, crm_location_id.clone(), before);
                match before {
                    Some(shop) if *shop == location => RowOutcome::Unchanged,
                    before => {
                        tx.locations().save(&location).await?;
                        if before.is_some() { RowOutcome::Updated } else { RowOutcome::Added }
                    }
                }
            }
        };
        *match &outcome {
            RowOutcome::Added => &mut imported.added,
            RowOutcome::Updated => &mut imported.updated,
            RowOutcome::Unchanged => &mut imported.unchanged,
            RowOutcome::Refused { .. } => &mut imported.refused,
        } += 1;
        imported.rows.push(ImportedRow { line, crm_location_id, outcome });
    }
    if !dry_run {
        tx.commit().await?;
    }
    Ok(imported)
}

/// Reads a file and keeps nothing, for the fuzzers.
pub(crate) fn read_spreadsheet(file: &[u8]) {
    let Ok(rows) = read(file) else { return };
    let mut ids = HashSet::new();
    for row in rows.into_iter().filter(|row| row.read.is_ok()) {
        assert!(ids.insert(row.crm_location_id), "a shop is there twice");
    }
}

struct Row {
    line: u64,
    crm_location_id: String,
    read: Result<Fields, Vec<RowProblem>>,
}

/// A row that is right.
struct Fields {
    name: String,
    time_zone: Tz,
    phone: E164,
    postal_address: String,
    hours: String,
    region: Column<String>,
    opening: Column<WeekHours>,
    closed_on: Column<Vec<NaiveDate>>,
    text_sender: Column<TextSender>,
}

/// What a file says about something that it may leave out.
#[derive(Debug, PartialEq, Eq)]
enum Column<T> {
    /// It has no such column, so it is as it was.
    Absent,
    /// Empty: it is not so any more.
    Said(Option<T>),
}

impl<T: Clone> Column<T> {
    fn or(self, before: Option<&T>) -> Option<T> {
        match self {
            Self::Absent => before.cloned(),
            Self::Said(said) => said,
        }
    }
}

impl Fields {
    fn at(self, id: LocationId, crm_location_id: String, before: Option<&Location>) -> Location {
        Location {
            id,
            crm_location_id,
            name: self.name,
            time_zone: self.time_zone,
            phone: self.phone.as_str().to_owned(),
            postal_address: self.postal_address,
            hours: self.hours,
            region: self.region.or(before.and_then(|shop| shop.region.as_ref())),
            opening: self.opening.or(before.and_then(|shop| shop.opening.as_ref())),
            closed_on: self.closed_on.or(before.map(|shop| &shop.closed_on)).unwrap_or_default(),
            text_sender: self.text_sender.or(before.and_then(|shop| shop.text_sender.as_ref())),
        }
    }
}

fn read(file: &[u8]) -> Result<Vec<Row>, Error> {
    // A spreadsheet of Windows begins its file with a mark.
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let first_line = file.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // Where a comma stands in numbers, spreadsheets put semicolons between columns.
    let first_line = String::from_utf8_lossy(first_line);
    let delimiter = if first_line.matches(';').count() > first_line.matches(',').count() { b';' } else { b',' };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(Trim::All).from_reader(file);
    let names = reader.byte_headers().map_err(|error| Error::Csv(error.to_string()))?;
    let names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name).to_lowercase()).collect();
    let missing: Vec<_> = COLUMNS.into_iter().filter(|column| !names.iter().any(|name| name == column)).collect();
    if !missing.is_empty() {
        return Err(Error::Columns { missing: missing.join(", "), all: COLUMNS.join(",") });
    }
    if let Some(twice) = COLUMNS.into_iter().find(|column| names.iter().filter(|name| name == column).count() > 1) {
        return Err(Error::ColumnTwice(twice));
    }
    let places = COLUMNS.map(|column| names.iter().position(|name| name == column).unwrap_or_default());
    let optional = OPTIONAL.map(|column| names.iter().position(|name| name == column));
    let mut seen = HashMap::new();
    let mut rows = Vec::new();
    let mut lines = Lines { file, line: 1, counted: 0 };
    for record in reader.byte_records() {
        let record = record.map_err(|error| Error::Csv(error.to_string()))?;
        if rows.len() >= MOST_ROWS {
            return Err(Error::TooManyRows(MOST_ROWS));
        }
        let line =
            lines.at(record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or_default()));
        let swallowed = swallowed(&record, delimiter);
        if swallowed == 0 {
            rows.push(read_row(&record, line, names.len(), (places, optional), &mut seen));
            continue;
        }
        // Every line of the file has a result, also those that were taken for a part of another.
        let crm_location_id = String::from_utf8_lossy(record.get(places[0]).unwrap_or_default());
        let opened = crm_location_id.lines().next().unwrap_or_default().to_owned();
        let refused = |line, crm_location_id, says| Row {
            line,
            crm_location_id,
            read: Err(vec![RowProblem { column: COLUMNS[0], says }]),
        };
        let says = "this row has a quote that is not closed in it".to_owned();
        rows.push(refused(line, opened, says));
        for further in 1..=swallowed {
            let says = format!("this line was read as a part of line {line}, in which a quote is not closed");
            rows.push(refused(line + further, String::new(), says));
        }
    }
    Ok(rows)
}

/// How many further lines an open quote has made a part of this row: a line break inside of a field is somebody's address, and one
/// with columns behind it is another row.
fn swallowed(record: &ByteRecord, delimiter: u8) -> u64 {
    let lines = |field: &[u8]| {
        let further = field.split(|byte| *byte == b'\n').skip(1);
        further.filter(|line| line.contains(&delimiter)).count()
    };
    record.iter().map(lines).max().and_then(|lines| u64::try_from(lines).ok()).unwrap_or_default()
}

/// Counts lines as an editor shows them, whatever ends them.
struct Lines<'f> {
    file: &'f [u8],
    line: u64,
    counted: usize,
}

impl Lines<'_> {
    /// The line in which the byte at `place` stands; places come in their order.
    fn at(&mut self, place: usize) -> u64 {
        let mut place = place.clamp(self.counted, self.file.len());
        // The reader takes what is left of a Windows line's end for the beginning of the next row.
        while self.file.get(place).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            place += 1;
        }
        self.line += self.file[self.counted..place].iter().filter(|byte| **byte == b'\n').map(|_| 1).sum::<u64>();
        self.counted = place;
        self.line
    }
}

fn read_row(
    record: &ByteRecord,
    line: u64,
    width: usize,
    (places, optional): ([usize; 6], [Option<usize>; 4]),
    seen: &mut HashMap<String, u64>,
) -> Row {
    let mut problems = Vec::new();
    let mut field = |column: usize| {
        let says = |says: String| RowProblem { column: COLUMNS[column], says };
        let bytes = record.get(places[column]).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Err(_) => problems.push(says("has letters that cannot be read; save the file as CSV UTF-8".to_owned())),
            Ok("") => problems.push(says("is empty".to_owned())),
            Ok(text) if text.len() > LONGEST_FIELD => {
                problems.push(says(format!("is longer than {LONGEST_FIELD} bytes")));
            }
            Ok(text) if text.chars().any(char::is_control) => {
                problems.push(says("has a line break or another control character in it".to_owned()));
            }
            Ok(text) => return text.to_owned(),
        }
        String::new()
    };
    let [crm_location_id, name, time_zone, phone, postal_address, hours] = [0, 1, 2, 3, 4, 5].map(&mut field);
    let mut wrong = |column: usize, says: String| problems.push(RowProblem { column: COLUMNS[column], says });
    if record.len() != width {
        wrong(
            0,
            format!(
                "stands in a row of {} fields, and the names above are {width}: is a comma without quotes in one?",
                record.len()
            ),
        );
    }
    if let Some(before) = seen.get(&crm_location_id) {
        wrong(0, format!("{crm_location_id:?} is in line {before} already"));
    }
    let region = optional_field(record, optional, 0, &mut problems, |text| match text.len() {
        0..=LONGEST_FIELD => Ok(text.to_owned()),
        _ => Err(format!("is longer than {LONGEST_FIELD} bytes")),
    });
    let opening = optional_field(record, optional, 1, &mut problems, |text| {
        text.parse::<WeekHours>().map_err(|error| error.to_string())
    });
    let closed_on = optional_field(record, optional, 2, &mut problems, days);
    let text_sender = optional_field(record, optional, 3, &mut problems, |text| {
        text.parse::<TextSender>().map_err(|error| format!("{text:?} {error}"))
    });
    let mut wrong = |column: usize, says: String| problems.push(RowProblem { column: COLUMNS[column], says });
    let zone = time_zone.parse::<Tz>();
    if zone.is_err() && !time_zone.is_empty() {
        wrong(2, format!("{time_zone:?} is no time zone; write for example America/Chicago"));
    }
    let number = E164::parse(&phone);
    if number.is_err() && !phone.is_empty() {
        wrong(3, format!("{phone:?} is no telephone number; write for example +1 512 555 0142"));
    }
    let read = match (zone, number) {
        (Ok(time_zone), Ok(phone)) if problems.is_empty() => {
            seen.insert(crm_location_id.clone(), line);
            Ok(Fields { name, time_zone, phone, postal_address, hours, region, opening, closed_on, text_sender })
        }
        _ => Err(problems),
    };
    Row { line, crm_location_id, read }
}

/// A field of a column that the file may leave out. What cannot be read is a problem of the row's.
fn optional_field<T>(
    record: &ByteRecord,
    places: [Option<usize>; 4],
    column: usize,
    problems: &mut Vec<RowProblem>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Column<T> {
    let Some(place) = places[column] else { return Column::Absent };
    let text = String::from_utf8_lossy(record.get(place).unwrap_or_default());
    let text = text.trim();
    if text.is_empty() {
        return Column::Said(None);
    }
    match read(text) {
        Ok(value) => Column::Said(Some(value)),
        Err(says) => {
            problems.push(RowProblem { column: OPTIONAL[column], says });
            Column::Absent
        }
    }
}

/// As in `2026-12-24 2026-12-31`.
fn days(text: &str) -> Result<Vec<NaiveDate>, String> {
    let days = text.split_whitespace().map(|day| {
        day.parse().map_err(|_| format!("{day:?} is no day; write for example 2026-12-24, with spaces between several"))
    });
    let mut days: Vec<NaiveDate> = days.collect::<Result<_, _>>()?;
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "crm_location_id,name,time_zone,phone,postal_address,hours\n";

    fn problems(row: &str) -> Vec<String> {
        let rows = read(format!("{HEAD}{row}\n").as_bytes()).unwrap();
        let problems = rows.into_iter().next().unwrap().read.err().unwrap_or_default();
        problems.into_iter().map(|problem| format!("{} {}", problem.column, problem.says)).collect()
    }

    #[test]
    fn a_row_is_read_however_a_spreadsheet_wrote_it() {
        let row = "77,Tampa,America/New_York,(813) 555-0100,\"1 Main St, Tampa, FL 33602\",Mon-Sat 9-6";
        assert_eq!(problems(row), Vec::<String>::new());
        let windows =
            format!("\u{feff}{}{}\r\n", HEAD.to_uppercase().replace(',', ";"), row.replace(',', ";").replace('"', ""));
        let rows = read(windows.replace("1 Main St; Tampa; FL 33602", "1 Main St, Tampa").as_bytes()).unwrap();
        assert!(rows[0].read.is_ok() && rows[0].line == 2);
        let row = "78,x,America/New_York,8135550100,y,z\r\n";
        let rows = read(format!("{}\r\n{row}\r\n{row}", HEAD.trim()).as_bytes()).unwrap();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn everything_wrong_with_a_row_is_said_at_once() {
        let said = problems("77,,Central,555,\"1 Main St\",9-6");
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("name is empty") && said[1].contains("America/Chicago"));
        assert!(problems("77,Tampa,America/New_York,8135550100,1 Main St, Tampa,9-6")[0].contains("without quotes"));
        assert!(problems(&format!("77,{},America/New_York,8135550100,x,y", "n".repeat(301)))[0].contains("longer"));
    }

    #[test]
    fn a_file_may_say_when_a_shop_is_open_and_with_whom_it_is_led() {
        let head = HEAD.replace("hours\n", "hours,region,opening\n");
        let row = "77,Tampa,America/New_York,8135550100,1 Main St,9-6";
        let file = format!("{head}{row},South,mon-fri 09:00-18:00; sat 09:00-13:00\n{},,\n", row.replace("77", "78"));
        let rows = read(file.as_bytes()).unwrap();
        let fields: Vec<_> = rows.into_iter().map(|row| row.read.ok().unwrap()).collect();
        assert_eq!(fields[0].region, Column::Said(Some("South".into())));
        assert!(matches!(fields[0].opening, Column::Said(Some(_))) && fields[1].opening == Column::Said(None));
        let rows = read(format!("{head}{row},South,nine to six\n").as_bytes()).unwrap();
        assert_eq!(rows[0].read.as_ref().err().unwrap()[0].column, "opening");
    }

    #[test]
    fn a_file_may_say_on_which_days_a_shop_is_closed_and_who_its_texts_are_from() {
        let head = HEAD.replace("hours\n", "hours,closed_on,text_sender\n");
        let row = "77,Tampa,America/New_York,8135550100,1 Main St,9-6";
        let file = format!("{head}{row},2026-12-31 2026-12-24,(813) 555-0199\n");
        let fields = read(file.as_bytes()).unwrap().remove(0).read.ok().unwrap();
        let days = ["2026-12-24", "2026-12-31"].map(|day| day.parse().unwrap()).to_vec();
        assert_eq!(fields.closed_on, Column::Said(Some(days)));
        assert_eq!(fields.text_sender, Column::Said(Some(TextSender::Number(E164::parse("8135550199").unwrap()))));
        let rows = read(format!("{head}{row},Christmas,Oak Dental\n").as_bytes()).unwrap();
        let problems: Vec<_> = rows[0].read.as_ref().err().unwrap().iter().map(|problem| problem.column).collect();
        assert_eq!(problems, ["closed_on", "text_sender"]);
    }

    #[test]
    fn a_shop_that_is_there_twice_is_taken_once() {
        let row = "77,Tampa,America/New_York,8135550100,1 Main St,9-6\n";
        let rows = read(format!("{HEAD}{row}{row}").as_bytes()).unwrap();
        assert!(rows[0].read.is_ok());
        assert!(rows[1].read.as_ref().err().unwrap()[0].says.contains("in line 2 already"));
    }

    #[test]
    fn a_quote_that_is_not_closed_swallows_no_row() {
        let row = |id: u32, name: &str| format!("{id},{name},America/New_York,8135550100,1 Main St,9-6\n");
        let file = format!("{HEAD}{}{}{}", row(1, "\"Tampa"), row(2, "\"Ybor\""), row(3, "Brandon"));
        let rows = read(file.as_bytes()).unwrap();
        let lines: Vec<_> = rows.iter().map(|row| (row.line, row.read.is_ok())).collect();
        assert_eq!(lines.iter().filter(|(_, is_ok)| *is_ok).count(), 1, "{lines:?}");
        assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn a_file_without_the_columns_says_which() {
        let Err(Error::Columns { missing, .. }) = read(b"id,name\n1,x\n") else { panic!("taken") };
        assert_eq!(missing, "crm_location_id, time_zone, phone, postal_address, hours");
        assert!(read(b"").is_err());
    }

    #[test]
    fn letters_of_another_encoding_are_this_rows_problem_alone() {
        let mut file = HEAD.as_bytes().to_vec();
        file.extend(b"77,Ca\xf1on City,America/Denver,7195550100,1 Main St,9-6\n");
        file.extend(b"78,Tampa,America/New_York,8135550100,1 Main St,9-6\n");
        let rows = read(&file).unwrap();
        assert!(rows[0].read.is_err() && rows[1].read.is_ok());
    }
}
