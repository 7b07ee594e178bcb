use super::*;

const HEAD: &str = "支付宝交易号,商户订单号,业务类型,商品名称,完成时间,订单金额（元）,商家实收（元）,\
                    退款批次号/请求号,服务费（元）,备注";
const ROWS: &str = "T1\t,R1\t,交易,电费,2026-11-20 00:00:01,50.00,50.00,\t,-0.30,\n\
                    T1\t,R1\t,退款,电费,2026-11-20 12:00:00,-20.00,-20.00,F1\t,0.12,";
const CLOSING: &str = "#交易合计：1笔，商家实收共50.00元，商家优惠共0.00元\n\
                       #退款合计：1笔，商家实收退款共20.00元，商家优惠退款共0.00元";

fn sheet(head: &str, rows: &str, closing: &str) -> Result<(Vec<BillRow>, Totals), BillError> {
    let text = format!("#支付宝业务明细查询\n{head}\n{rows}\n#列表结束\n{closing}\n");
    let (bytes, _, lossy) = encoding_rs::GBK.encode(&text);
    assert!(!lossy);
    read(&bytes)
}

#[test]
fn columns_are_found_by_name_wherever_they_stand() {
    let (plain, totals) = sheet(HEAD, ROWS, CLOSING).unwrap();
    assert_eq!(plain.len(), 2);
    assert_eq!(totals.given_back, Money::from_fen(2000));
    // Another order of columns, one more of them, half-width brackets.
    let head = "新列,业务类型,支付宝交易号,商户订单号,商品名称,完成时间,订单金额(元),商家实收(元),\
                退款批次号/请求号,服务费(元)";
    let rows = "x,交易,T1,R1,电费,2026-11-20 00:00:01,50.00,50.00,,-0.30\n\
                x,退款,T1,R1,电费,2026-11-20 12:00:00,-20.00,-20.00,F1,0.12";
    assert_eq!(sheet(head, rows, CLOSING).unwrap().0, plain);
    for column in ["支付宝交易号", "商户订单号", "业务类型", "完成时间", "订单金额", "商家实收"]
    {
        let head = HEAD.replace(column, "没有");
        assert_eq!(sheet(&head, ROWS, CLOSING), Err(BillError::NoColumn { column }), "{column}");
    }
}

#[test]
fn a_comma_in_a_subject_is_read_only_where_the_columns_add_up() {
    let quoted = ROWS.replacen("电费", "\"电,费\"", 1);
    assert_eq!(sheet(HEAD, &quoted, CLOSING).unwrap().0[0].subject, "电,费");
    let quote = ROWS.replacen("电费", "3\"管", 1);
    assert_eq!(sheet(HEAD, &quote, CLOSING).unwrap().0[0].subject, "3\"管");
    let bare = ROWS.replacen("电费", "电,费", 1);
    let bad = BillError::BadRow { line: 3, column: "columns" };
    assert_eq!(sheet(HEAD, &bare, CLOSING), Err(bad));
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
        let bad = BillError::BadRow { line: 3, column };
        assert_eq!(sheet(HEAD, &rows, CLOSING), Err(bad), "{to}");
    }
}

#[test]
fn rows_that_do_not_add_up_are_no_bill() {
    let refunds = BillError::TotalsDiffer { what: "退款合计" };
    let payments = BillError::TotalsDiffer { what: "交易合计" };
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
    let (rows, _) = sheet(HEAD, &rows, CLOSING).unwrap();
    assert_eq!(rows[2].kind, RowKind::Other("转账".to_owned()));
}

#[test]
fn bytes_that_are_not_gbk_are_no_bill() {
    assert_eq!(read(&[b'#', 0xff, b'\n']), Err(BillError::NotGbk));
    assert_eq!(read(b""), Err(BillError::NoColumn { column: "支付宝交易号" }));
}
