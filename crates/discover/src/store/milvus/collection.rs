//! The collection of a catalogue: its columns, its index, and row 0, which holds what is known of the catalogue
//! itself.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::columns::{Prepared, TEXTS, VECTOR, documents, of_rows};
use super::connection::Connection;
use super::expression::{self, KEY, META};
use super::milvus_sdk::{
    CollectionSchema, ConsistencyLevel, CreateCollectionRequest, CreateIndexRequest, DataType,
    DescribeCollectionRequest, DescribeIndexRequest, DropIndexRequest, Error as ClientError,
    FieldSchema, FlushRequest, GetLoadStateRequest, IndexParam, IndexType, ListCollectionsRequest,
    LoadCollectionRequest, LoadState, MetricType, QueryRequest, ReleaseCollectionRequest,
};
use crate::store::{Fingerprint, Record, Row};
use crate::{Error, Result};

/// Links of the graph, and how many rows are looked at when one is added.
const LINKS: &str = "16";
const ADDING: &str = "200";

/// What is known of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    /// An id above all that were ever used.
    pub(super) next_id: u64,
    /// The folder that paths of pictures are relative to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pictures: Option<String>,
    /// How many rows the index looks at for 95 and for 98 of 100 results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) efforts: Option<[usize; 2]>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { next_id: 1, pictures: None, efforts: None }
    }
}

impl Settings {
    /// The row that holds them.
    pub(super) fn row(&self, dimension: usize) -> Result<Prepared> {
        let mut vector = vec![0.0; dimension];
        if let Some(first) = vector.first_mut() {
            *first = 1.0;
        }
        let meta = serde_json::to_value(self).map_err(|error| Error::Request(error.to_string()))?;
        Ok(Prepared { row: Row { record: Record::default(), vector }, meta })
    }
}

/// A collection of a server.
pub(super) struct Collection {
    pub(super) connection: Connection,
    pub(super) name: String,
    pub(super) fingerprint: Fingerprint,
}

impl Collection {
    /// The collection of a catalogue; `None` where there is none yet.
    pub(super) fn find(connection: Connection) -> Result<std::result::Result<Self, Connection>> {
        let client = &connection.client;
        let listed = connection.run(connection.budget(), || async {
            client.list_collections(ListCollectionsRequest::builder().build()?).await
        });
        let listed = listed.map_err(|failed| failed.error())?;
        let address = connection.address();
        let mut owned: Vec<String> =
            listed.collection_names().iter().filter(|name| address.owns(name)).cloned().collect();
        owned.sort();
        let name = match owned.as_slice() {
            [] => return Ok(Err(connection)),
            [name] => name.clone(),
            several => {
                return Err(Error::Request(format!(
                    "{address}: the catalogue has several collections, {}; drop those that are not wanted",
                    several.join(" and ")
                )));
            }
        };
        let described = connection.run(connection.budget(), || async {
            client
                .describe_collection(
                    DescribeCollectionRequest::builder().collection_name(&name).build()?,
                )
                .await
        });
        let described = described.map_err(|failed| failed.error())?;
        let text = described.description().get_description();
        let fingerprint: Option<Fingerprint> = serde_json::from_str(text).ok();
        match fingerprint {
            Some(fingerprint) if address.collection(&fingerprint.digest()) == name => {
                Ok(Ok(Self { connection, name, fingerprint }))
            }
            _ => Err(Error::Server {
                address: address.to_string(),
                reason: format!(
                    "collection {name} does not say what its vectors were made with, so it is none of ours"
                ),
            }),
        }
    }

    /// Makes the collection of a catalogue.
    pub(super) fn create(connection: Connection, fingerprint: &Fingerprint) -> Result<Self> {
        let name = connection.address().collection(&fingerprint.digest());
        let description = serde_json::to_string(fingerprint)
            .map_err(|error| Error::Request(error.to_string()))?;
        let mut schema = CollectionSchema::new()
            .add_field(
                FieldSchema::new()
                    .name(KEY)
                    .data_type(DataType::Int64)
                    .primary_key(true)
                    .auto_id(false),
            )
            .add_field(
                FieldSchema::new()
                    .name(VECTOR)
                    .data_type(DataType::FloatVector)
                    .dimension(u32::try_from(fingerprint.dimension).unwrap_or(u32::MAX)),
            )
            .add_field(FieldSchema::new().name("width").data_type(DataType::Int64))
            .add_field(FieldSchema::new().name("height").data_type(DataType::Int64))
            .add_field(FieldSchema::new().name(META).data_type(DataType::Json));
        for (name, limit) in TEXTS {
            schema = schema.add_field(
                FieldSchema::new().name(name).data_type(DataType::VarChar).max_length(limit),
            );
        }
        let client = &connection.client;
        let made = connection.run(connection.budget(), || async {
            client
                .create_collection(
                    CreateCollectionRequest::builder()
                        .collection_name(&name)
                        .description(&description)
                        .schema(schema.clone().description(&description))
                        // One, so that a batch is there whole or not at all.
                        .num_shards(1)
                        .consistency_level(ConsistencyLevel::Bounded)
                        .build()?,
                )
                .await
        });
        made.map_err(|failed| failed.error())?;
        Ok(Self { connection, name, fingerprint: fingerprint.clone() })
    }

    pub(super) fn dimension(&self) -> usize {
        self.fingerprint.dimension
    }

    /// What the server's answer means to this collection.
    fn run<T, F>(&self, long: bool, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, ClientError>>,
    {
        let connection = &self.connection;
        let budget = if long { connection.long_budget() } else { connection.budget() };
        connection.run(budget, attempt).map_err(|failed| failed.error())
    }

    /// Whether an approximate index is there; `None` where there is no index at all.
    fn is_approximate(&self) -> Result<Option<bool>> {
        let client = &self.connection.client;
        self.run(false, || async {
            let request = DescribeIndexRequest::builder().collection_name(&self.name);
            match client.describe_index(request.field_name(VECTOR).build()?).await {
                Ok(found) => Ok(found
                    .indexes()
                    .iter()
                    .find(|index| index.get_field_name() == VECTOR)
                    .map(|index| index.get_index_type() != IndexType::Flat)),
                Err(ClientError::Server(error)) if is_no_index(error.code(), error.reason()) => {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        })
    }

    /// Brings the collection into the state in which it answers, whatever state it was left in. Returns whether
    /// its index is approximate.
    pub(super) fn prepare(&self) -> Result<bool> {
        let approximate = match self.is_approximate()? {
            Some(kind) => kind,
            None => {
                self.create_index(false)?;
                false
            }
        };
        let client = &self.connection.client;
        let state = self.run(false, || async {
            client
                .get_load_state(GetLoadStateRequest::builder().collection_name(&self.name).build()?)
                .await
        })?;
        if state.state() != LoadState::Loaded {
            self.load()?;
        }
        Ok(approximate)
    }

    pub(super) fn load(&self) -> Result<()> {
        let client = &self.connection.client;
        self.run(true, || async {
            client
                .load_collection(
                    LoadCollectionRequest::builder()
                        .collection_name(&self.name)
                        .sync(true)
                        .build()?,
                )
                .await
        })
    }

    fn create_index(&self, approximate: bool) -> Result<()> {
        let client = &self.connection.client;
        let index = IndexParam::new().field_name(VECTOR).metric_type(MetricType::Cosine);
        let index = match approximate {
            true => index.index_type(IndexType::Hnsw).extra_params(HashMap::from([
                ("M".to_owned(), LINKS.to_owned()),
                ("efConstruction".to_owned(), ADDING.to_owned()),
            ])),
            false => index.index_type(IndexType::Flat),
        };
        self.run(true, || async {
            client
                .create_index(
                    CreateIndexRequest::builder()
                        .collection_name(&self.name)
                        .index_param(index.clone())
                        .sync(true)
                        .build()?,
                )
                .await
        })
    }

    /// Replaces the exact index by an approximate one. Reads fail until it is loaded.
    pub(super) fn make_approximate(&self) -> Result<()> {
        let client = &self.connection.client;
        self.run(false, || async {
            client
                .release_collection(
                    ReleaseCollectionRequest::builder().collection_name(&self.name).build()?,
                )
                .await
        })?;
        self.run(false, || async {
            client
                .drop_index(
                    DropIndexRequest::builder()
                        .collection_name(&self.name)
                        .field_name(VECTOR)
                        .index_name(VECTOR)
                        .build()?,
                )
                .await
        })?;
        self.create_index(true)?;
        self.load()
    }

    /// Waits until all that was written is on the server's disks.
    pub(super) fn flush(&self) -> Result<()> {
        let client = &self.connection.client;
        let limit = self.connection.options().preparation.as_millis();
        self.run(true, || async {
            client
                .flush(
                    FlushRequest::builder()
                        .collection_names([&self.name])
                        .wait_flushed_ms(i64::try_from(limit).unwrap_or(i64::MAX))
                        .build()?,
                )
                .await
                .map(|_| ())
        })
    }

    /// What is known of the catalogue.
    pub(super) fn settings(&self) -> Result<Settings> {
        let client = &self.connection.client;
        let found = self.run(false, || async {
            client
                .query(
                    QueryRequest::builder()
                        .collection_name(&self.name)
                        .filter(expression::ids(&[0]))
                        .output_fields([KEY, META])
                        .consistency_level(ConsistencyLevel::Strong)
                        .build()?,
                )
                .await
        })?;
        if found.results().get_row_count() == 0 {
            return Ok(Settings::default());
        }
        let text = documents(found.results(), META)?.first().cloned().unwrap_or(Value::Null);
        serde_json::from_value(text).map_err(|error| Error::Server {
            address: self.connection.address().to_string(),
            reason: format!("row 0 of {} does not hold settings: {error}", self.name),
        })
    }

    /// Keeps what is known of the catalogue.
    pub(super) fn keep(&self, settings: &Settings) -> Result<()> {
        let row = settings.row(self.dimension())?;
        let sent = self.connection.wait(self.send(of_rows(&[row])));
        sent.map_err(|failed| failed.error())
    }
}

fn is_no_index(code: i32, reason: &str) -> bool {
    code == 700 || reason.contains("index not found") || reason.contains("index doesn't exist")
}
