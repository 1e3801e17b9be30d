//! Actions: prepared statements, cancelling, and sessions.

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, ProstMessageExt,
};
use arrow_flight::{Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use bytes::Bytes;
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use super::service::{Many, columns, parameters, schema_bytes};
use super::sessions::Sessions;
use super::{failure, options, placeholders, statements};

/// The actions that there are, and what they are for.
const ALL: &[(&str, &str)] = &[
    ("CancelFlightInfo", "Stops a statement: CancelFlightInfoRequest, CancelFlightInfoResult"),
    ("CancelQuery", "Stops a statement: ActionCancelQueryRequest, ActionCancelQueryResult"),
    ("ClosePreparedStatement", "Forgets a prepared statement: ActionClosePreparedStatementRequest"),
    (
        "CreatePreparedStatement",
        "Prepares a statement: ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult",
    ),
    ("CloseSession", "Ends the session with all that it has running: CloseSessionRequest, CloseSessionResult"),
    ("GetSessionOptions", "Tells the session's settings: GetSessionOptionsRequest, GetSessionOptionsResult"),
    ("SetSessionOptions", "Changes the session's settings: SetSessionOptionsRequest, SetSessionOptionsResult"),
];

/// What each action is called and for.
pub(super) fn list() -> impl Iterator<Item = Result<ActionType, Status>> + Send {
    ALL.iter().map(|(name, description)| {
        Ok(ActionType { r#type: (*name).to_owned(), description: (*description).to_owned() })
    })
}

/// Does one.
pub(super) async fn run(
    sessions: &Sessions,
    call: Request<Action>,
) -> Result<Response<Many<arrow_flight::Result>>, Status> {
    let session = sessions.of(&call).await?;
    let Action { r#type: name, body } = call.get_ref();
    match name.as_str() {
        "CreatePreparedStatement" => {
            let ActionCreatePreparedStatementRequest { query, .. } = unpack(body)?;
            let (handle, bound) = statements::prepare(&session, &placeholders::numbered(&query)).await?;
            let columns = columns(&bound.prepared);
            let result = ActionCreatePreparedStatementResult {
                prepared_statement_handle: handle,
                dataset_schema: schema_bytes(&columns)?,
                parameter_schema: schema_bytes(&parameters(&bound.prepared))?,
            };
            Ok(one(result.as_any().encode_to_vec()))
        }
        "ClosePreparedStatement" => {
            let ActionClosePreparedStatementRequest { prepared_statement_handle } = unpack(body)?;
            session.statements.close(&prepared_statement_handle);
            Ok(none())
        }
        "CancelFlightInfo" => {
            let CancelFlightInfoRequest { info } = options::decode(body)?;
            let info = info.ok_or_else(|| failure::protocol("what is to be cancelled is not said"))?;
            let status = status(session.statements.cancel(&info));
            Ok(one(CancelFlightInfoResult { status: status.into() }.encode_to_vec()))
        }
        "CancelQuery" => {
            let ActionCancelQueryRequest { info } = unpack(body)?;
            let info = FlightInfo::decode(info).map_err(|error| failure::protocol(error.to_string()))?;
            let result = status(session.statements.cancel(&info)).into();
            Ok(one(ActionCancelQueryResult { result }.as_any().encode_to_vec()))
        }
        "SetSessionOptions" => {
            let result = options::set(&session, options::decode(body)?).await;
            let mut response = one(result.encode_to_vec());
            if let Some(cookie) = sessions.cookie(&call, &session)
                && let Ok(cookie) = MetadataValue::try_from(cookie)
            {
                response.metadata_mut().insert("set-cookie", cookie);
            }
            Ok(response)
        }
        "GetSessionOptions" => Ok(one(options::get(&session).await?.encode_to_vec())),
        "CloseSession" => {
            sessions.close(&call, &session);
            Ok(one(options::closed().encode_to_vec()))
        }
        "BeginTransaction" | "EndTransaction" | "BeginSavepoint" | "EndSavepoint" => {
            Err(Status::unimplemented("there are no transactions: clusters are read only here"))
        }
        "CreatePreparedSubstraitPlan" => Err(Status::unimplemented("Substrait is not understood\nhint: send SQL")),
        other => Err(Status::unimplemented(format!("there is no action {other}"))),
    }
}

fn status(cancelled: bool) -> CancelStatus {
    if cancelled { CancelStatus::Cancelled } else { CancelStatus::NotCancellable }
}

fn unpack<M: ProstMessageExt>(body: &Bytes) -> Result<M, Status> {
    let any: Any = options::decode(body)?;
    let message = any.unpack().map_err(|error| failure::protocol(error.to_string()))?;
    message.ok_or_else(|| failure::protocol(format!("{} is no message of this action", any.type_url)))
}

fn one(body: Vec<u8>) -> Response<Many<arrow_flight::Result>> {
    Response::new(Box::pin(futures::stream::iter([Ok(arrow_flight::Result { body: body.into() })])))
}

fn none() -> Response<Many<arrow_flight::Result>> {
    Response::new(Box::pin(futures::stream::empty()))
}
