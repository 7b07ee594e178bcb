//! `yufu frame`: meter frames explained and built, for people at a bench.

use clap::{Subcommand, ValueEnum};
use meter_protocol::{
    Protocol,
    compose::{self, Parameters},
    describe::{Description, Field, Verdict, describe},
    hex,
};
use serde_json::{Map, Value, json};

use super::{Done, Exit, Failure, print_json};

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 解读报文，输出 JSON / explain a frame as JSON
    Decode {
        /// 规约 / protocol
        #[arg(long, value_enum)]
        protocol: Name,
        /// 报文来自表计 / the frame came from a meter
        #[arg(long)]
        reply: bool,
        /// 十六进制，可带空格 / hexadecimal, spaces allowed
        #[arg(required = true, num_args = 1..)]
        hex: Vec<String>,
    },
    /// 生成报文，输出 JSON / build a frame as JSON
    Encode {
        /// 规约 / protocol
        #[arg(long, value_enum)]
        protocol: Name,
        /// 报文种类，留空列出全部 / kind of frame; none lists them all
        kind: Option<String>,
        /// 参数，名=值 / parameters, NAME=VALUE
        #[arg(value_name = "NAME=VALUE")]
        parameters: Vec<String>,
    },
}

/// A protocol by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// DL/T 645-2007
    #[value(name = "dlt645-2007")]
    Dlt645,
    /// DL/T 645-1997
    #[value(name = "dlt645-1997")]
    Dlt645Of1997,
    /// CJ/T 188
    Cjt188,
    /// Modbus RTU
    ModbusRtu,
}

impl Name {
    fn protocol(self) -> Protocol {
        match self {
            Name::Dlt645 => Protocol::Dlt645,
            Name::Dlt645Of1997 => Protocol::Dlt645Of1997,
            Name::Cjt188 => Protocol::Cjt188,
            Name::ModbusRtu => Protocol::ModbusRtu,
        }
    }
}

/// Decodes or encodes; a frame that is none is printed with its reason and exit code 6.
pub fn run(what: &What) -> Done {
    match what {
        What::Decode { protocol, reply, hex } => decode(protocol.protocol(), *reply, hex),
        What::Encode { protocol, kind: None, .. } => {
            print_json(&kinds(protocol.protocol()));
            Ok(())
        }
        What::Encode { protocol, kind: Some(kind), parameters } => {
            print_json(&encode(protocol.protocol(), kind, parameters)?);
            Ok(())
        }
    }
}

fn decode(protocol: Protocol, reply: bool, text: &[String]) -> Done {
    let bytes = hex::parse(&text.join(" ")).map_err(|error| {
        Failure::usage("不是十六进制报文", "this is not hexadecimal").detail(error)
    })?;
    let description = describe(protocol, &bytes, reply);
    print_json(&to_json(&description));
    match description.verdict {
        Verdict::Valid => Ok(()),
        Verdict::Invalid { reason, offset } => Err(Failure::new(
            Exit::Found,
            "frame.invalid",
            format!("不是有效报文，第 {} 字节", offset + 1),
            format!("not a valid frame, byte {}", offset + 1),
        )
        .detail(reason)),
    }
}

fn encode(protocol: Protocol, kind: &str, given: &[String]) -> Result<Value, Failure> {
    let mut parameters = Parameters::new();
    for pair in given {
        let Some((name, value)) = pair.split_once('=') else {
            let (zh, en) =
                (format!("参数应写成 名=值：{pair}"), format!("write {pair} as NAME=VALUE"));
            return Err(Failure::usage(zh, en));
        };
        parameters.insert(name.to_owned(), value.to_owned());
    }
    let bytes = compose::compose(protocol, kind, &parameters).map_err(|error| {
        Failure::usage("这些参数不能生成报文", "no frame can be built of this").detail(error)
    })?;
    Ok(json!({
        "protocol": protocol.name(),
        "kind": kind,
        "hex": hex::spaced(&bytes),
        "length": bytes.len(),
        "explained": to_json(&describe(protocol, &bytes, false)),
    }))
}

fn kinds(protocol: Protocol) -> Value {
    let kinds = compose::kinds(protocol).iter().map(
        |kind| json!({ "kind": kind.name, "required": kind.required, "optional": kind.optional }),
    );
    json!({ "protocol": protocol.name(), "kinds": kinds.collect::<Vec<_>>() })
}

/// A frame explained, as JSON: fields by name, each with its value, meaning and parts.
pub fn to_json(description: &Description) -> Value {
    let mut json = json!({
        "protocol": description.protocol.name(),
        "valid": description.is_valid(),
        "summary": description.summary,
        "offset": description.offset,
        "length": description.len,
        "fields": fields(&description.fields),
    });
    if let Verdict::Invalid { reason, offset } = &description.verdict {
        json["error"] = json!({ "reason": reason, "offset": offset });
    }
    json
}

fn fields(list: &[Field]) -> Value {
    let entries = list.iter().map(|field| (field.name.to_string(), one(field)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn one(field: &Field) -> Value {
    if field.meaning.is_none() && field.children.is_empty() {
        return json!(field.value);
    }
    let mut value = json!({ "value": field.value });
    if let Some(meaning) = &field.meaning {
        value["meaning"] = json!(meaning);
    }
    if !field.children.is_empty() {
        value["parts"] = fields(&field.children);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_the_standard_is_explained_and_a_broken_one_names_its_byte() {
        // DL/T 645-2007 read of 00010000 at address 000000000001 (frames.json, hand-checked).
        let bytes = hex::parse("68 01 00 00 00 00 00 68 11 04 33 33 34 33 B3 16").unwrap();
        let good = to_json(&describe(Protocol::Dlt645, &bytes, false));
        assert_eq!(good["valid"], true, "{good:#}");
        assert!(good["fields"].is_object());
        let mut broken = bytes.clone();
        broken[14] ^= 1;
        let bad = to_json(&describe(Protocol::Dlt645, &broken, false));
        assert_eq!(bad["valid"], false);
        assert!(bad["error"]["reason"].is_string());
    }

    #[test]
    fn what_is_built_is_explained_and_a_wrong_parameter_is_named() {
        let built = encode(
            Protocol::Dlt645,
            "read",
            &["address=000000000001".to_owned(), "di=00010000".to_owned()],
        );
        let failure = match built {
            Ok(json) => return assert_eq!(json["explained"]["valid"], true),
            Err(failure) => failure,
        };
        panic!("{failure}");
    }
}
