use super::{
    super::{
        account::{Account, AccountRow},
        trade::{RowKind, Trade, TradeRow},
    },
    *,
};

const HEAD: &str = "支付宝交易号,商户订单号,业务类型,商品名称,完成时间,订单金额（元）,商家实收（元）,\
                    退款批次号/请求号,服务费（元）,备注";
const ROWS: &str = "T1\t,R1\t,交易,电费,2026-11-20 00:00:01,50.00,50.00,\t,-0.30,\n\
                    T1\t,R1\t,退款,电费,2026-11-20 12:00:00,-20.00,-20.00,F1\t,0.12,";
const CLOSING: &str = "#交易合计：1笔，商家实收共50.00元，商家优惠共0.00元\n\
                       #退款合计：1笔，商家实收退款共20.00元，商家优惠退款共0.00元";

fn read_all<S: Sheet>(text: &[u8]) -> Result<Vec<S::Row>, BillError> {
    let mut rows = Vec::new();
    let (count, bytes) = read::<S>(text, |row| rows.push(row))?;
    assert_eq!((count, bytes), (rows.len(), text.len() as u64));
    Ok(rows)
}

fn sheet(head: &str, rows: &str, closing: &str) -> Result<Vec<TradeRow>, BillError> {
    let text = format!("#支付宝业务明细查询\n{head}\n{rows}\n#列表结束\n{closing}\n");
    let (bytes, _, lossy) = encoding_rs::GBK.encode(&text);
    assert!(!lossy);
    read_all::<Trade>(&bytes)
}

#[test]
fn columns_are_found_by_name_wherever_they_stand() {
    let plain = sheet(HEAD, ROWS, CLOSING).unwrap();
    assert_eq!(plain.len(), 2);
    // Another order of columns, one more of them, half-width brackets.
    let head = "新列,业务类型,支付宝交易号,商户订单号,商品名称,完成时间,订单金额(元),商家实收(元),\
                退款批次号/请求号,服务费(元)";
    let rows = "x,交易,T1,R1,电费,2026-11-20 00:00:01,50.00,50.00,,-0.30\n\
                x,退款,T1,R1,电费,2026-11-20 12:00:00,-20.00,-20.00,F1,0.12";
    assert_eq!(sheet(head, rows, CLOSING).unwrap(), plain);
    for column in ["支付宝交易号", "商户订单号", "业务类型", "完成时间", "订单金额", "商家实收"]
    {
        let head = HEAD.replace(column, "没有");
        assert_eq!(sheet(&head, ROWS, CLOSING), Err(BillError::MissingColumn(column)), "{column}");
    }
}

#[test]
fn a_comma_in_a_subject_is_read_only_where_the_columns_add_up() {
    let quoted = ROWS.replacen("电费", "\"电,费\"", 1);
    assert_eq!(sheet(HEAD, &quoted, CLOSING).unwrap()[0].subject, "电,费");
    let quote = ROWS.replacen("电费", "3\"管", 1);
    assert_eq!(sheet(HEAD, &quote, CLOSING).unwrap()[0].subject, "3\"管");
    let bare = ROWS.replacen("电费", "电,费", 1);
    assert_eq!(sheet(HEAD, &bare, CLOSING), Err(BillError::Ragged { line: 3 }));
    let broken = ROWS.replacen("电费", "\"电\n#费,\n1\"", 1);
    let rows = sheet(HEAD, &broken, CLOSING).unwrap();
    assert_eq!((rows[0].subject.as_str(), rows[0].line, rows[1].line), ("电\n#费,\n1", 3, 6));
    let open = ROWS.replacen("电费", "\"电\n费", 1);
    assert_eq!(sheet(HEAD, &open, CLOSING), Err(BillError::Ragged { line: 3 }));
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    for (from, to, column) in [
        ("50.00,50.00", "50.001,50.00", "订单金额"),
        ("50.00,50.00", "50.00,5e1", "商家实收"),
        ("-0.30", "0.3.0", "服务费"),
        ("2026-11-20 00:00:01", "20.11.2026", "完成时间"),
        ("T1\t,R1\t,交易", ",R1,交易", "支付宝交易号"),
    ] {
        let rows = ROWS.replacen(from, to, 1);
        let bad = BillError::Cell { line: 3, column };
        assert_eq!(sheet(HEAD, &rows, CLOSING), Err(bad), "{to}");
    }
}

#[test]
fn rows_that_do_not_add_up_are_no_bill() {
    let refunds = BillError::TotalsDiffer("退款合计");
    let payments = BillError::TotalsDiffer("交易合计");
    let first_row = ROWS.lines().next().unwrap();
    for (rows, closing, want) in [
        (ROWS, CLOSING.replace("共50.00元", "共50.01元"), payments.clone()),
        (ROWS, CLOSING.replace("交易合计：1笔", "交易合计：2笔"), payments),
        (ROWS, CLOSING.replace("共20.00元", "共-20.01元"), refunds.clone()),
        (first_row, CLOSING.to_owned(), refunds),
        (ROWS, String::new(), BillError::CutOff),
        (ROWS, CLOSING.lines().next().unwrap().to_owned(), BillError::CutOff),
        (ROWS, CLOSING.replace("20.00元，", "20."), BillError::CutOff),
    ] {
        assert_eq!(sheet(HEAD, rows, &closing), Err(want), "{closing}");
    }
    // The sign of the refunds' total differs between sheets; both mean the same.
    assert!(sheet(HEAD, ROWS, &CLOSING.replace("共20.00元", "共-20.00元")).is_ok());
}

#[test]
fn a_kind_nobody_listed_is_kept_for_a_person() {
    let rows = format!("{ROWS}\nT2,R2,转账,x,2026-11-20 13:00:00,1.00,1.00,,0.00,");
    let rows = sheet(HEAD, &rows, CLOSING).unwrap();
    assert_eq!(rows[2].kind, RowKind::Other("转账".to_owned()));
}

#[test]
fn bytes_that_are_not_gbk_are_no_bill() {
    let read = |bytes: &[u8]| read_all::<Trade>(bytes);
    assert_eq!(read(&[b'#', 0xff, b'\n']), Err(BillError::NotText { line: 1 }));
    assert_eq!(read(b""), Err(BillError::NoHeader));
    assert_eq!(read(b"a,a\n"), Err(BillError::NoHeader));
}

/// The lines of a published sheet of 2012, its payers left out, with an expense as later ones
/// write it.
const ACCOUNT: &str = "#支付宝账务明细查询\n\
    #账号：[20888011365400330156]\n\
    #起始日期：[2012年12月29日 00:00:00]   终止日期：[2012年12月30日 00:00:00]\n\
    #-----------------------------------------账务明细列表----------------------------------------\n\
    账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,\
    账户余额（元）,交易渠道,业务类型,备注\n\
    54632446537371\t,2012122923922029\t,3226563\t,海航机票\t,2012-12-29 21:02:06,x\t,2274.00,0.00,\
    14533.03,支付宝,在线支付,\n\
    54629090595411\t,2012122948927762\t,3226533\t,海航机票\t,2012-12-29 20:31:32,x\t,393.00,,\
    12261.39,支付宝,在线支付,\n\
    54629090595412\t,2012122948927762\t,3226533\t,服务费\t,2012-12-29 20:31:33,x\t,0.00,-2.36,\
    12259.03,支付宝,收费,费率\n\
    #----------------------------------------账务明细列表结束-------------------------------------\n\
    #支出合计：1笔，共-2.36元\n\
    #收入合计：2笔，共2667.00元,,,,\n\
    #导出时间：[2012年12月31日 13:19:01]\n";

fn account(text: &str) -> Result<Vec<AccountRow>, BillError> {
    read_all::<Account>(&encoding_rs::GBK.encode(text).0)
}

#[test]
fn an_account_sheet_is_read_with_its_signs() {
    let rows = account(ACCOUNT).unwrap();
    let amounts: Vec<i64> = rows.iter().map(|row| row.amount.fen()).collect();
    assert_eq!(amounts, [227_400, 39_300, -236]);
    assert_eq!(account(&ACCOUNT.replace("-2.36", "2.36")), Ok(rows.clone()));
    let (first, last) = (&rows[0], &rows[2]);
    assert_eq!((first.line, first.flow_no.as_str()), (6, "54632446537371"));
    assert_eq!(first.business_no, "2012122923922029");
    assert_eq!((first.out_trade_no.as_str(), first.balance.fen()), ("3226563", 1_453_303));
    assert_eq!((last.business_type.as_str(), last.remark.as_str()), ("收费", "费率"));
    assert_eq!(first.day.date().to_string(), "2012-12-29");
}

#[test]
fn an_account_sheet_that_contradicts_itself_is_no_bill() {
    let differs = |what| Err(BillError::TotalsDiffer(what));
    let cell = |column| Err(BillError::Cell { line: 8, column });
    for (from, to, want) in [
        ("共-2.36", "共-2.37", differs("支出合计")),
        ("合计：1笔", "合计：2笔", differs("支出合计")),
        ("共2667.00", "共2667.01", differs("收入合计")),
        ("0.00,-2.36", "1.00,-2.36", cell("支出金额")),
        ("0.00,-2.36", "-1.00,0.00", cell("收入金额")),
        ("#收入合计", "#收入合记", Err(BillError::CutOff)),
        ("账户余额（元）", "余额", Err(BillError::MissingColumn("账户余额"))),
    ] {
        assert_eq!(account(&ACCOUNT.replace(from, to)), want, "{to}");
    }
}
