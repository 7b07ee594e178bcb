//! The API's description: built from the registry of routes, so that no route is left out, and
//! served with a page to read and try it, without anything from elsewhere.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem,
        PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ObjectBuilder, Type},
        security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
        },
    },
};
use utoipa_swagger_ui::{Config, Url};

use mini_program_api as mini;

use super::{
    Code, Problem,
    error::{self, FieldError, PROBLEM_JSON, ProblemBody, Result},
    health::Health,
    operator::{ROUTES, cookie},
    route::{Effect, Need, Route, Shape, Verb},
};

/// Where the description of the operators' API lies.
pub const OPENAPI_PATH: &str = "/api/openapi.json";
/// Where that of the tenants' API lies. Both name a meter in their own words, so that one document
/// for both would tell of one only.
pub const MINI_PATH: &str = "/api/mini/v1/openapi.json";

/// One of the two descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// The operators' API.
    Operators,
    /// The tenants' API.
    Tenants,
}

const DESCRIPTION: &str = "按 HTTP 状态码判断成败；失败的正文是 `application/problem+json`，\
    按稳定的 `code` 处理。金额单位是分，电量单位是瓦时，水量单位是升，时间是 RFC 3339。\n\n\
    Decide by the HTTP status; a failure's body is `application/problem+json` with a stable \
    `code`. Money is in fen, energy in watt-hours, water in litres, time in RFC 3339.";

/// Serves the page and the description.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource(OPENAPI_PATH).route(web::get().to(of_operators)))
        .service(web::resource(MINI_PATH).route(web::get().to(of_tenants)))
        .service(web::resource("/api/docs").route(web::get().to(to_page)))
        .service(web::resource("/api/docs/{tail:.*}").route(web::get().to(page)));
}

async fn of_operators() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(json(Face::Operators))
}

async fn of_tenants() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(json(Face::Tenants))
}

async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/api/docs/")).finish()
}

async fn page(request: HttpRequest) -> Result<HttpResponse> {
    let faces = [("运营 operators", OPENAPI_PATH), ("租户 tenants", MINI_PATH)];
    let config = Arc::new(Config::new(faces.map(|(name, path)| Url::new(name, path))));
    let tail = request.match_info().get("tail").unwrap_or_default();
    let file = utoipa_swagger_ui::serve(tail, config)
        .map_err(|error| Problem::new(Code::Internal).because(error))?;
    let file = file.ok_or_else(|| Problem::new(Code::NoSuchRoute))?;
    let mut response = HttpResponse::Ok();
    response.content_type(file.content_type.clone());
    if file.gzpipped {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(file.bytes.into_owned()))
}

/// The description as JSON text; `yufu openapi` prints it.
pub fn json(face: Face) -> &'static str {
    static TEXTS: [OnceLock<String>; 2] = [OnceLock::new(), OnceLock::new()];
    TEXTS[face as usize].get_or_init(|| document(face).to_pretty_json().unwrap_or_default())
}

/// A description.
pub fn document(face: Face) -> OpenApi {
    let mut paths: BTreeMap<String, PathItem> = BTreeMap::new();
    let mut components = Components::new();
    for shape in [named::<ProblemBody>(), named::<FieldError>(), named::<Health>()] {
        add_shape(&mut components, shape);
    }
    for route in described(face) {
        let method = route.method.clone();
        let path = route.path.clone();
        let item = PathItem::new(method, operation(&route, &mut components));
        match paths.get_mut(&path) {
            Some(known) => known.merge_operations(item),
            None => {
                paths.insert(path, item);
            }
        }
    }
    if face == Face::Operators {
        paths.insert("/readyz".to_owned(), readiness());
    }
    let mut built = PathsBuilder::new();
    for (path, item) in paths {
        built = built.path(path, item);
    }
    add_security(&mut components);
    let info = InfoBuilder::new()
        .title("Yufu 预付")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .build();
    OpenApiBuilder::new().info(info).paths(built.build()).components(Some(components)).build()
}

/// A route of either API, as the description tells it.
struct Described {
    method: HttpMethod,
    path: String,
    /// Unique among all faces of the server.
    name: String,
    says: (&'static str, &'static str),
    needs: String,
    /// The ways to show who calls; none for a route that needs nothing.
    shown_by: &'static [&'static str],
    is_once: bool,
    query: Option<fn() -> Vec<Parameter>>,
    body: Option<fn() -> Shape>,
    answers: (u16, Option<fn() -> Shape>),
}

fn described(face: Face) -> Vec<Described> {
    let operators = ROUTES.iter().flat_map(|routes| routes.iter()).map(|route| Described {
        method: match route.method {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
            Verb::Put => HttpMethod::Put,
            Verb::Delete => HttpMethod::Delete,
        },
        path: route.full_path(),
        name: route.name.to_owned(),
        says: route.says,
        needs: needs(route),
        shown_by: if route.need == Need::Nothing { &[] } else { &["bearer", "cookie"] },
        is_once: route.effect == Effect::Once,
        query: route.query,
        body: route.body,
        answers: route.answers,
    });
    let tenants = mini::ROUTES.iter().flat_map(|routes| routes.iter()).map(|route| Described {
        method: match route.method {
            mini::Verb::Get => HttpMethod::Get,
            mini::Verb::Post => HttpMethod::Post,
            mini::Verb::Put => HttpMethod::Put,
            mini::Verb::Delete => HttpMethod::Delete,
        },
        path: route.full_path(),
        name: format!("tenant.{}", route.name),
        says: route.says,
        needs: match route.need {
            mini::Need::Nothing => "无需登录 / Needs no sign-in",
            mini::Need::Anybody => "可不登录 / Works with and without a sign-in",
            mini::Need::SignedIn => "需要租户登录 / Needs a tenant's sign-in",
            mini::Need::Home => "需要绑定该户 / Needs a binding to the home",
            mini::Need::Order => "需要绑定下单的户 / Needs a binding to the order's home",
        }
        .to_owned(),
        shown_by: if route.need == mini::Need::Nothing { &[] } else { &["bearer"] },
        is_once: route.effect == mini::Effect::Once,
        query: route.query,
        body: route.body,
        answers: route.answers,
    });
    match face {
        Face::Operators => operators.collect(),
        Face::Tenants => tenants.collect(),
    }
}

fn operation(route: &Described, components: &mut Components) -> OperationBuilder {
    let (zh, en) = route.says;
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.name.clone()))
        .summary(Some(format!("{zh} / {en}")))
        .description(Some(route.needs.as_str()))
        .tag(route.name.split('.').next().unwrap_or(&route.name));
    for name in path_names(&route.path) {
        operation = operation.parameter(path_parameter(name));
    }
    for parameter in route.query.map(|query| query()).unwrap_or_default() {
        operation = operation.parameter(parameter);
    }
    if route.is_once {
        operation = operation.parameter(idempotency_key());
    }
    if let Some(body) = route.body {
        let content = Content::new(Some(add_shape(components, body())));
        let body = RequestBodyBuilder::new().content("application/json", content);
        operation = operation.request_body(Some(body.required(Some(Required::True)).build()));
    }
    let (status, answer) = route.answers;
    let mut response =
        ResponseBuilder::new().description(if answer.is_some() { zh } else { "—" });
    if let Some(answer) = answer {
        let content = Content::new(Some(add_shape(components, answer())));
        response = response.content("application/json", content);
    }
    operation = operation.response(status.to_string(), response.build());
    operation = operation.response("default", problem());
    for scheme in route.shown_by {
        let none: [&str; 0] = [];
        operation = operation.security(SecurityRequirement::new(*scheme, none));
    }
    operation
}

fn needs(route: &Route) -> String {
    match route.need {
        Need::Nothing => "无需登录 / Needs no login".to_owned(),
        Need::SignedIn => "需要登录 / Needs a login".to_owned(),
        Need::InProject(perm) => format!("需要权限 / Needs the permission `{perm}`"),
        Need::Everywhere(perm) => {
            format!("需要全站权限 / Needs the permission `{perm}` for the whole site")
        }
    }
}

fn readiness() -> PathItem {
    let answer = Content::new(Some(reference("Health")));
    let answer =
        ResponseBuilder::new().description("就绪 / Ready").content("application/json", answer);
    let operation = OperationBuilder::new()
        .operation_id(Some("health.ready"))
        .tag("health")
        .summary(Some("是否就绪 / Whether this process may be sent requests"))
        .response("200", answer.build());
    PathItem::new(HttpMethod::Get, operation)
}

fn problem() -> utoipa::openapi::Response {
    let mut content = Content::new(Some(reference("ProblemBody")));
    content.example = Some(error::example());
    ResponseBuilder::new().description("失败 / A failure").content(PROBLEM_JSON, content).build()
}

/// The names in braces of a path.
pub fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Parameter {
    let kind = if name == "project" { Type::Integer } else { Type::String };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .build()
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(
            "每次操作一个编号，重试沿用 / One key for one wish, kept for its repeats",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

fn add_security(components: &mut Components) {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = ApiKey::Cookie(ApiKeyValue::new(cookie::NAME_TLS));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
}

fn named<T: ToSchema>() -> Shape {
    (T::name().into_owned(), <T as PartialSchema>::schema(), Vec::new())
}

/// Keeps a schema under its name and answers a reference to it.
fn add_shape(components: &mut Components, (name, schema, others): Shape) -> RefOr<Schema> {
    for (name, schema) in others {
        components.schemas.insert(name, schema);
    }
    components.schemas.insert(name.clone(), schema);
    reference(&name)
}

fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACES: [Face; 2] = [Face::Operators, Face::Tenants];

    /// A schema stands under its bare name: of two with one name the later would win in silence.
    #[test]
    fn no_two_routes_or_shapes_share_a_name() {
        let mut operations = Vec::new();
        for face in FACES {
            let mut known = BTreeMap::new();
            for route in described(face) {
                assert!(!operations.contains(&route.name), "{} stands twice", route.name);
                operations.push(route.name.clone());
                let shapes = [route.body, route.answers.1];
                for (name, schema, others) in shapes.into_iter().flatten().map(|shape| shape()) {
                    for (name, schema) in others.into_iter().chain([(name, schema)]) {
                        let schema = serde_json::to_string(&schema).unwrap();
                        let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
                        assert_eq!(*first, schema, "{name} of {}", route.name);
                    }
                }
            }
        }
    }

    #[test]
    fn every_route_is_described_with_its_line_its_need_and_its_failures() {
        for face in FACES {
            let text: serde_json::Value = serde_json::from_str(json(face)).unwrap();
            for route in described(face) {
                let method = match route.method {
                    HttpMethod::Get => "get",
                    HttpMethod::Post => "post",
                    HttpMethod::Put => "put",
                    _ => "delete",
                };
                let operation = &text["paths"][&route.path][method];
                assert_eq!(operation["operationId"], route.name, "{}", route.path);
                assert!(!route.says.0.is_empty() && !route.says.1.is_empty(), "{}", route.name);
                assert!(operation["responses"]["default"].is_object(), "{}", route.name);
            }
        }
    }

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        for face in FACES {
            let text = json(face);
            let parsed: serde_json::Value = serde_json::from_str(text).unwrap();
            for part in text.split("#/components/schemas/").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(parsed["components"]["schemas"][name].is_object(), "{name} is missing");
            }
        }
    }
}
