//! The table of everything that can go wrong: code, status, what happened, what to do.

use vending::Refusal;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The stable code of the API.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in Chinese.
    pub zh: &'static str,
    /// What happened, in English.
    pub en: &'static str,
    /// What to do, in Chinese.
    pub do_zh: &'static str,
    /// What to do, in English.
    pub do_en: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal,
        $zh:literal, $en:literal, $do_zh:literal, $do_en:literal;)*) => {
        /// Every way a request can fail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $en] $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The code's row.
            pub const fn row(self) -> Row {
                match self {
                    $(Code::$name => Row {
                        code: $code,
                        status: $status,
                        zh: $zh,
                        en: $en,
                        do_zh: $do_zh,
                        do_en: $do_en,
                    },)*
                }
            }
        }
    };
}

codes! {
    // The request itself.
    BadRequest = "bad_request", 400, "请求有误", "The request is wrong",
        "请对照接口文档检查", "Compare it with the API's description";
    Malformed = "malformed", 400, "请求内容的格式不对", "The request is not of the right form",
        "请按 errors 里的字段改正", "Mend the fields named in errors";
    NoSuchRoute = "no_such_route", 404, "没有这个地址", "There is no such address",
        "请检查网址", "Check the address";
    MethodNotAllowed = "method_not_allowed", 405, "这个地址不支持此方法",
        "The address does not take this method", "请对照接口文档检查",
        "Compare it with the API's description";
    UnsupportedMedia = "unsupported_media_type", 415, "请求体必须是 JSON",
        "The body must be JSON", "请用 Content-Type: application/json", "Send application/json";
    BodyTooLarge = "body_too_large", 413, "请求体太大", "The body is too large",
        "请分次提交", "Send less at a time";
    TooSlow = "too_slow", 408, "请求没有按时发完", "The request did not arrive in time",
        "请检查网络后重试", "Check the network and try again";
    TooManyRequests = "too_many_requests", 429, "请求太频繁", "Too many requests",
        "请稍后再试", "Try again later";
    NotFound = "not_found", 404, "找不到", "There is no such thing",
        "请检查编号，或确认有权访问", "Check the id, or whether you may see it";

    // Who asks.
    LoginRequired = "auth.login_required", 401, "请先登录", "Please sign in",
        "请重新登录", "Sign in again";
    LoginFailed = "auth.login_failed", 401, "登录名、密码或验证码不对，或尝试次数太多",
        "The name, password or code is wrong, or there were too many tries",
        "请核对后过一会儿再试", "Check them and try again after a while";
    Forbidden = "auth.forbidden", 403, "没有权限", "You may not do this",
        "请联系管理员授权", "Ask the owner for the right";
    CsrfMissing = "auth.csrf", 403, "缺少防跨站校验", "The cross-site check is missing",
        "请刷新页面后重试", "Reload the page and try again";
    SetupLinkBad = "auth.setup_link", 400, "设置链接无效或已过期",
        "The set-up link is not valid or has run out", "请管理员重新生成链接",
        "Have a new link made";
    PasswordWeak = "auth.password_weak", 400, "密码至少 10 个字符，且不能包含登录名",
        "A password has at least 10 characters and does not contain the login",
        "请换一个密码", "Choose another password";
    TotpWrong = "auth.totp", 400, "动态验证码不对或已用过",
        "The code is wrong or was used before", "请等下一个验证码", "Wait for the next code";
    LoginTaken = "operator.login_taken", 409, "登录名已被使用", "The login is taken",
        "请换一个登录名", "Choose another login";
    LastOwner = "operator.last_owner", 409, "必须保留至少一位负责人",
        "At least one owner has to stay", "请先指定另一位负责人", "Name another owner first";
    SecondPersonRefused = "vend.second_person", 403, "第二人的身份或权限不符",
        "The second person is not known or may not agree", "请另一位有权限的同事输入登录名和密码",
        "Have a colleague with the right enter login and password";

    // A tenant's way in.
    SessionReused = "session.reused", 401, "登录凭证已被用过，为安全已退出",
        "The refresh token was used before; the sign-in has ended", "请重新登录",
        "Sign in again";
    CodeRefused = "code.refused", 422, "验证码不对、已用过或已过期",
        "The code is wrong, used or too old", "请核对，或重新获取", "Check it, or ask for another";
    SignedIn = "session.signed_in", 409, "这个浏览器已经用它登录了",
        "This browser has signed in with it already", "请继续使用；如果没有登录，请重新登录",
        "Go on; if you are not signed in, sign in again";
    TooManyTries = "too_many_tries", 429, "尝试次数太多", "Too many tries",
        "请过一会儿再试", "Try again after a while";
    ProofRequired = "sms.proof_required", 429, "获取太频繁，请先完成验证",
        "So many messages need a proof of work", "请在页面上稍等验证完成后重试",
        "Solve the puzzle in params and ask again";
    BindingRefused = "binding.refused", 422, "表号与凭证不符",
        "The meter and its proof do not belong together", "请核对表号和绑定码，或联系物业",
        "Check both, or ask the property";
    OwnerOnly = "home.owner_only", 403, "只有户主可以这样做", "Only the owner may do this",
        "请户主操作", "Ask the owner of the home";
    HomeFull = "home.full", 409, "同住人、邀请或您的户数已达上限",
        "The home or you have as many as there may be", "请先移除不再需要的",
        "Remove what is no longer needed first";
    IdentityTaken = "identity.taken", 409, "该手机号或账号已属于另一位用户",
        "The number or account belongs to somebody else", "请用它登录，或换一个",
        "Sign in with it, or use another";
    DoorClosed = "door.closed", 502, "暂时连不上微信、支付宝或短信服务",
        "WeChat, Alipay or the SMS provider cannot be reached", "请稍后再试",
        "Try again in a moment";
    SignInNotOffered = "sign_in.not_offered", 404, "这里没有开通这种登录方式",
        "This way to sign in is not offered here", "请用手机号登录", "Sign in by phone number";

    // Kiosks.
    KioskSession = "kiosk.session", 401, "终端需要重新连接", "The kiosk has to greet again",
        "请稍候，终端会自动重连", "Wait a moment; the kiosk connects by itself";
    KioskRevoked = "kiosk.revoked", 403, "终端未授权", "The kiosk is not let in",
        "请联系物业重新配对", "Ask the operator to pair it again";
    KioskPairingRefused = "kiosk.pairing_refused", 422, "配对码不对、已作废或已过期",
        "The pairing code is wrong, burnt or too old", "请在终端上重新获取配对码",
        "Have the kiosk show another code";
    KioskFingerprint = "kiosk.fingerprint", 422, "指纹与终端屏幕上的不一致",
        "The fingerprint is not the one of this kiosk", "请核对屏幕上的六位数字",
        "Compare the six digits on its screen";
    KioskCommandRefused = "kiosk.command_refused", 409, "不能下达这条命令",
        "The command cannot be given", "请查看 params 里的原因", "See why in params";
    KioskOrderUnknown = "kiosk.order_unknown", 404, "账上没有这笔订单，已转人工核对",
        "The books do not have this order; a person looks after it", "请联系物业，并保留订单号",
        "Call the property and keep the order's number";
    KioskContentRefused = "kiosk.content_refused", 422, "内容不符合要求",
        "The content may not be shown", "请按 errors 里的字段改正", "Mend the fields in errors";
    KioskFileRefused = "kiosk.file_refused", 422, "文件类型、大小或校验不符",
        "The file is not of a type, size or digest that is taken",
        "请上传 PNG、JPEG、WebP、MP4 或 WebM", "Send PNG, JPEG, WebP, MP4 or WebM";
    CardUnloaded = "card.unloaded", 409, "卡内有未充入表的金额",
        "The card holds an amount its meter has not taken",
        "请先把卡插入电表", "Insert the card into the meter first";
    CardPending = "card.pending", 409, "上次购电还没有写到卡上",
        "An earlier purchase is not on the card yet", "请先补写上一次的购电",
        "Finish that purchase first";
    CardOther = "card.other", 409, "不是同一张卡", "It is another card",
        "请放上下单时的那张卡", "Use the card the order was placed for";
    CardFrozen = "card.frozen", 409, "卡已停用，请联系物业", "The card is stopped",
        "请携卡联系物业", "Take the card to the property";
    CardRefused = "card.refused", 409, "这张卡不能在此充值",
        "This card cannot be topped up here", "请联系物业", "Ask the property";

    // Repeats.
    IdempotencyKeyMissing = "idempotency.key_missing", 400, "缺少 Idempotency-Key",
        "The Idempotency-Key header is missing", "请为每次操作生成唯一编号，重试时沿用",
        "Make one key for each wish and keep it for its repeats";
    IdempotencyKeyReused = "idempotency.key_reused", 409, "同一编号的请求内容不同",
        "The key was used before with another request", "请换一个 Idempotency-Key",
        "Use another key";
    IdempotencyInProgress = "idempotency.in_progress", 409, "同一请求正在处理",
        "The same request is being worked on", "请稍候再查询结果", "Ask again in a moment";
    Changed = "changed", 409, "内容已被别人改动", "It was changed meanwhile",
        "请刷新后重试", "Reload and try again";

    AlreadyExists = "already_exists", 409, "编号已被使用，或与已有内容冲突",
        "The number is taken, or it contradicts what is there", "请换一个编号，或刷新后重试",
        "Choose another number, or reload and try again";

    // Ourselves.
    Overloaded = "overloaded", 503, "系统繁忙", "The system is busy",
        "请稍后重试", "Try again in a moment";
    StoreUnavailable = "store_unavailable", 503, "数据库暂时不可用",
        "The database is not available", "请稍后重试，未确认的操作不会丢失",
        "Try again later; nothing that was confirmed is lost";
    Internal = "internal", 500, "系统出错", "Something went wrong here",
        "请把 trace_id 告诉管理员", "Tell the operator the trace_id";

    // What the house refuses.
    ClientIdReused = "order.client_id_reused", 409, "同一订单编号的内容不同",
        "The client id was used before for something else", "请换一个 client_id",
        "Use another client_id";
    ClientIdMalformed = "order.client_id_malformed", 400,
        "client_id 须为 8 到 64 位字母、数字、下划线或短横",
        "A client_id has 8 to 64 characters of 0-9 A-Z a-z _ -", "请改正 client_id",
        "Mend the client_id";
    AmountOutOfRange = "order.amount_out_of_range", 422, "金额超出允许范围",
        "The amount is out of range", "请改为 params 里的范围", "Stay within the range in params";
    AccountClosed = "account.closed", 409, "该户已销户", "The account is closed",
        "请先开户", "Open an account first";
    AccountOpen = "account.open", 409, "该房间已有在用户", "The room has an open account",
        "请先销户", "Close that account first";
    MeterUnassigned = "meter.unassigned", 409, "该表还没有对应的户",
        "The meter belongs to no open account", "请先开户", "Open an account for its room";
    MeterQuarantined = "meter.quarantined", 409, "表计已隔离，暂停充值和控制",
        "The meter is quarantined", "现场核对后解除隔离", "Look at the meter, then release it";
    HoldsMoney = "meter.holds_money", 409, "表内存有余额，不能直接解除",
        "The meter keeps money of its own", "请按换表办理，由两人核对表内余额",
        "Replace the meter, with what two people saw on it";
    AlreadyReplaced = "meter.already_replaced", 409, "这一代表计已按其他数字办过换表",
        "This life of the meter ended before with other figures",
        "请刷新后核对 params 里的字段", "Reload and compare the field in params";
    NoTariff = "meter.no_tariff", 409, "该表没有费率", "The meter has no tariff",
        "请先设置费率", "Give it a tariff first";
    ChannelNotOffered = "payment.channel_not_offered", 409, "此项目未开通该支付方式",
        "This way to pay is not offered here", "请换一种支付方式", "Choose another way to pay";
    PayerMissing = "payment.payer_missing", 422, "该支付方式需要付款人身份",
        "This way to pay needs to know the payer", "请改用扫码支付", "Pay by QR code instead";
    WrongState = "order.wrong_state", 409, "订单当前状态不允许此操作",
        "The order's state does not allow this", "请刷新订单查看进度", "Look at the order again";
    DeliveryInDoubt = "vend.in_doubt", 409, "下发结果待确认，须先读表核实",
        "The delivery is in doubt until the meter is read", "请等待读表，或两人到场核实",
        "Wait for the read-back, or settle it by two persons";
    NotResendable = "vend.not_resendable", 409, "这笔下发不能重发",
        "The delivery cannot be sent again", "请查看 params 里的原因", "See why in params";
    ReasonMissing = "reason_missing", 400, "必须填写原因", "A reason is required",
        "请填写原因", "Give a reason";
    SwitchRefused = "supply.refused", 409, "安全规则不允许此操作",
        "A rule of safety forbids it", "请查看 params 里的原因", "See why in params";
    ProviderUnreachable = "payment.provider_unreachable", 502, "暂时连不上支付平台",
        "The payment provider cannot be reached", "请稍后重试", "Try again in a moment";
    ProviderRefused = "payment.provider_refused", 502, "支付平台拒绝了请求",
        "The payment provider refused", "请换一种支付方式，或联系管理员",
        "Choose another way to pay, or tell the operator";
    MeterSilent = "meter.silent", 504, "表计没有应答", "The meter did not answer",
        "请稍后重试，或检查线路", "Try again later, or check the line";
    GatewayOffline = "gateway.offline", 503, "网关离线", "The gateway is offline",
        "请检查网关供电和网络", "Check the gateway's power and network";
    NotSupported = "meter.not_supported", 422, "该型号不支持此操作",
        "This meter model cannot do that", "请查看型号说明", "See the model's profile";
    SafeMode = "safe_mode", 503, "系统处于安全模式，不下发命令", "The system is in safe mode",
        "请管理员确认后解除", "An owner has to end it";
}

impl Code {
    /// The code's stable name.
    pub const fn as_str(self) -> &'static str {
        self.row().code
    }

    /// The code of a card that is refused, by its reason.
    pub fn of_card(why: &str) -> Code {
        match why {
            "unloaded" => Code::CardUnloaded,
            "pending" => Code::CardPending,
            "other_card" => Code::CardOther,
            "frozen" => Code::CardFrozen,
            _ => Code::CardRefused,
        }
    }

    /// The code of a refusal. Exhaustive: a new refusal does not compile without its row.
    pub fn of(refusal: &Refusal) -> Code {
        match refusal {
            Refusal::NotFound { .. } => Code::NotFound,
            Refusal::ClientIdReused { .. } => Code::ClientIdReused,
            Refusal::ClientIdMalformed => Code::ClientIdMalformed,
            Refusal::AmountOutOfRange { .. } => Code::AmountOutOfRange,
            Refusal::AccountClosed => Code::AccountClosed,
            Refusal::AccountOpen => Code::AccountOpen,
            Refusal::MeterUnassigned => Code::MeterUnassigned,
            Refusal::MeterQuarantined => Code::MeterQuarantined,
            Refusal::HoldsMoney => Code::HoldsMoney,
            Refusal::AlreadyReplaced { .. } => Code::AlreadyReplaced,
            Refusal::NoTariff => Code::NoTariff,
            Refusal::ChannelNotOffered => Code::ChannelNotOffered,
            Refusal::PayerMissing => Code::PayerMissing,
            Refusal::WrongState { .. } => Code::WrongState,
            Refusal::DeliveryInDoubt => Code::DeliveryInDoubt,
            Refusal::NotResendable { .. } => Code::NotResendable,
            Refusal::ReasonMissing => Code::ReasonMissing,
            Refusal::SwitchRefused { .. } => Code::SwitchRefused,
            Refusal::ProviderUnreachable => Code::ProviderUnreachable,
            Refusal::ProviderRefused { .. } => Code::ProviderRefused,
            Refusal::MeterSilent => Code::MeterSilent,
            Refusal::GatewayOffline => Code::GatewayOffline,
            Refusal::NotSupported => Code::NotSupported,
            Refusal::Malformed { .. } => Code::Malformed,
            Refusal::SafeMode => Code::SafeMode,
        }
    }
}
