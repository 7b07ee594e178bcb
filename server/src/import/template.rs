//! The empty workbook to start from: a sheet per table with headers, notes, lists and examples.

use std::path::Path;

use rust_xlsxwriter::{Color, Format, FormatAlign, Note, Workbook, Worksheet, XlsxError};

use super::{Column, ROWS_MAX, Table};

/// Lines of the first sheet.
const GUIDE: &[[&str; 2]] = &[
    [
        "每张工作表一种资料；不用的工作表可以删除",
        "One sheet per kind of row; delete what you do not need",
    ],
    [
        "第一行是表头，不要改名；灰底的示例行请删掉",
        "Row 1 holds the headers; delete the grey example rows",
    ],
    [
        "带 * 的列新建时必填；已有的行留空表示不改",
        "* is needed for new rows; empty leaves what is known",
    ],
    ["先运行 yufu import 文件 --dry-run，逐格列出问题", "Run `yufu import FILE --dry-run` first"],
    [
        "有任何问题都不会改动数据；同一文件可以反复导入",
        "Nothing changes on any fault; import it again at will",
    ],
    [
        "表号、地址、电话列请保持文本格式，避免丢掉首位的零",
        "Keep numbers such as addresses as text",
    ],
];

/// Lines of the first sheet of a list of top-ups.
const LIST_GUIDE: &[[&str; 2]] = &[
    [
        "一行一笔已经收到的钱；灰底的示例行请删掉",
        "One row per sum received; delete the grey example rows",
    ],
    [
        "凭证号在一个项目里永不重复：同一文件再导一次，一笔也不会多卖",
        "A reference is sold once, for ever",
    ],
    [
        "先运行 yufu import 文件 --top-ups --operator 登录名 --dry-run",
        "Run `yufu import FILE --top-ups --operator LOGIN --dry-run` first",
    ],
    ["有任何一格有误，一笔也不会卖出", "Nothing is sold if one cell is wrong"],
];

/// Writes the template of a site.
pub fn write(file: &Path) -> Result<(), XlsxError> {
    write_tables(file, &Table::ALL, GUIDE)
}

/// Writes the template of a list of top-ups.
pub fn write_list(file: &Path) -> Result<(), XlsxError> {
    write_tables(file, &Table::LIST, LIST_GUIDE)
}

fn write_tables(file: &Path, tables: &[Table], lines: &[[&str; 2]]) -> Result<(), XlsxError> {
    let mut workbook = Workbook::new();
    let guide = workbook.add_worksheet().set_name("说明 README")?;
    guide.set_column_width(0, 60)?.set_column_width(1, 70)?;
    for (row, [zh, en]) in lines.iter().enumerate() {
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        guide.write_string(row, 0, *zh)?.write_string(row, 1, *en)?;
    }
    for table in tables.iter().copied() {
        let sheet = workbook.add_worksheet().set_name(format!("{} {}", table.zh(), table.en()))?;
        fill(sheet, table)?;
    }
    workbook.save(file)
}

fn fill(sheet: &mut Worksheet, table: Table) -> Result<(), XlsxError> {
    let header = Format::new()
        .set_bold()
        .set_background_color(Color::RGB(0xDD_EBE9))
        .set_align(FormatAlign::Center);
    let text = Format::new().set_num_format("@");
    let example = text.clone().set_background_color(Color::RGB(0xEE_EEEE));
    for (at, column) in (0u16..).zip(table.columns()) {
        sheet.set_column_width(at, 18)?.set_column_format(at, &text)?;
        sheet.write_string_with_format(0, at, title(column), &header)?;
        let note = format!("{}\n{}", column.allowed_zh, column.allowed_en);
        sheet.insert_note(0, at, &Note::new(note).set_width(260))?;
        for (row, value) in (1u32..).zip(column.examples) {
            sheet.write_string_with_format(row, at, value, &example)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    let last = u32::try_from(ROWS_MAX).unwrap_or(u32::MAX);
    let width = u16::try_from(table.columns().len()).unwrap_or(1).saturating_sub(1);
    sheet.autofilter(0, 0, last, width)?;
    Ok(())
}

/// A header as the template writes it.
fn title(column: &Column) -> String {
    let star = if column.required { "*" } else { "" };
    format!("{} {}{star}", column.zh, column.key)
}
