//! Actions: prepared statements, cancelling, session options.

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, ProstMessageExt,
};
use arrow_flight::{Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use bytes::Bytes;
use futures::stream::BoxStream;
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use super::prepared_schema::{columns, parameters, schema_bytes};
use super::sessions::Sessions;
use super::{options, placeholders, statements, status};

/// The results of an action.
type ResultStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;

/// Names and descriptions of all actions.
const ACTIONS: &[(&str, &str)] = &[
    ("CancelFlightInfo", "Cancels a statement: CancelFlightInfoRequest, CancelFlightInfoResult"),
    ("CancelQuery", "Cancels a statement: ActionCancelQueryRequest, ActionCancelQueryResult"),
    ("ClosePreparedStatement", "Closes a prepared statement: ActionClosePreparedStatementRequest"),
    (
        "CreatePreparedStatement",
        "Prepares a statement: ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult",
    ),
    ("CloseSession", "Ends the session and cancels its statements: CloseSessionRequest, CloseSessionResult"),
    ("GetSessionOptions", "Returns the settings of the session: GetSessionOptionsRequest, GetSessionOptionsResult"),
    ("SetSessionOptions", "Changes settings of the session: SetSessionOptionsRequest, SetSessionOptionsResult"),
];

/// The descriptions of all actions.
pub(super) fn list() -> impl Iterator<Item = Result<ActionType, Status>> + Send {
    ACTIONS.iter().map(|(name, description)| {
        Ok(ActionType { r#type: (*name).to_owned(), description: (*description).to_owned() })
    })
}

/// Performs an action.
pub(super) async fn run(sessions: &Sessions, call: Request<Action>) -> Result<Response<ResultStream>, Status> {
    let session = sessions.session(&call).await?;
    let Action { r#type: name, body } = call.get_ref();
    match name.as_str() {
        "CreatePreparedStatement" => {
            let ActionCreatePreparedStatementRequest { query, .. } = unpack(body)?;
            let (handle, bound) = statements::prepare(&session, &placeholders::number(&query)).await?;
            let columns = columns(&bound.prepared);
            let result = ActionCreatePreparedStatementResult {
                prepared_statement_handle: handle,
                dataset_schema: schema_bytes(&columns)?,
                parameter_schema: schema_bytes(&parameters(&bound.prepared))?,
            };
            Ok(one_result(result.as_any().encode_to_vec()))
        }
        "ClosePreparedStatement" => {
            let ActionClosePreparedStatementRequest { prepared_statement_handle } = unpack(body)?;
            session.statements.close(&prepared_statement_handle);
            Ok(no_results())
        }
        "CancelFlightInfo" => {
            let CancelFlightInfoRequest { info } = options::decode(body)?;
            let info = info.ok_or_else(|| status::invalid_message("CancelFlightInfoRequest without info"))?;
            let status = cancel_status(statements::cancel(&session, &info));
            Ok(one_result(CancelFlightInfoResult { status: status.into() }.encode_to_vec()))
        }
        "CancelQuery" => {
            let ActionCancelQueryRequest { info } = unpack(body)?;
            let info = FlightInfo::decode(info).map_err(|error| status::invalid_message(error.to_string()))?;
            let result = cancel_status(statements::cancel(&session, &info)).into();
            Ok(one_result(ActionCancelQueryResult { result }.as_any().encode_to_vec()))
        }
        "SetSessionOptions" => {
            let result = options::set(&session, options::decode(body)?);
            let mut response = one_result(result.encode_to_vec());
            if let Some(cookie) = sessions.cookie(&call, &session)
                && let Ok(cookie) = MetadataValue::try_from(cookie)
            {
                response.metadata_mut().insert("set-cookie", cookie);
            }
            Ok(response)
        }
        "GetSessionOptions" => Ok(one_result(options::get(&session).await?.encode_to_vec())),
        "CloseSession" => {
            sessions.close(&call, &session);
            Ok(one_result(options::closed().encode_to_vec()))
        }
        "BeginTransaction" | "EndTransaction" | "BeginSavepoint" | "EndSavepoint" => {
            Err(Status::unimplemented("transactions are not supported: all data is read-only"))
        }
        "CreatePreparedSubstraitPlan" => Err(Status::unimplemented("Substrait is not supported\nhint: send SQL")),
        other => Err(Status::unimplemented(format!("unknown action \"{other}\""))),
    }
}

fn cancel_status(cancelled: bool) -> CancelStatus {
    if cancelled { CancelStatus::Cancelled } else { CancelStatus::NotCancellable }
}

fn unpack<M: ProstMessageExt>(body: &Bytes) -> Result<M, Status> {
    let any: Any = options::decode(body)?;
    let message = any.unpack().map_err(|error| status::invalid_message(error.to_string()))?;
    message.ok_or_else(|| status::invalid_message(format!("unexpected message {} for this action", any.type_url)))
}

fn one_result(body: Vec<u8>) -> Response<ResultStream> {
    Response::new(Box::pin(futures::stream::iter([Ok(arrow_flight::Result { body: body.into() })])))
}

fn no_results() -> Response<ResultStream> {
    Response::new(Box::pin(futures::stream::empty()))
}
