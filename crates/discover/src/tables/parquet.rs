//! Tables as Parquet: columns that may be null, of 64-bit whole numbers, of double precision or of UTF-8, one group
//! of rows for every 100 000, compressed by Snappy.
//!
//! Read are flat columns of these and of narrower numbers and truth values, compressed by Snappy, gzip or not at all.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::schema::types::{Type, TypePtr};

use super::{Cell, Kind, Table};
use crate::error::malformed;
use crate::{Error, Result};

/// Rows of a group.
const GROUP: usize = 100_000;

pub(super) fn table(bytes: Vec<u8>, path: &Path) -> Result<Table> {
    let wrong = |error: ParquetError| malformed(path, format!("not a Parquet file: {error}"));
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(wrong)?;
    let schema = reader.metadata().file_metadata().schema();
    let mut table = Table::default();
    for field in schema.get_fields() {
        if !field.is_primitive() || field.get_basic_info().repetition() == Repetition::REPEATED {
            let name = field.name();
            return Err(malformed(
                path,
                format!("expected plain columns, found {name} of lists or groups"),
            ));
        }
        table.columns.push(field.name().to_owned());
    }
    for row in reader.get_row_iter(None).map_err(wrong)? {
        let row = row.map_err(wrong)?.into_columns();
        let cells = row.into_iter().map(|(name, field)| {
            let other = |field: &Field| {
                malformed(path, format!("expected texts or numbers in {name}, found {field}"))
            };
            Ok(match field {
                Field::Null => Cell::Empty,
                Field::Bool(truth) => Cell::Integer(truth.into()),
                Field::Byte(number) => Cell::Integer(number.into()),
                Field::Short(number) => Cell::Integer(number.into()),
                Field::Int(number) => Cell::Integer(number.into()),
                Field::Long(number) => Cell::Integer(number),
                Field::UByte(number) => Cell::Integer(number.into()),
                Field::UShort(number) => Cell::Integer(number.into()),
                Field::UInt(number) => Cell::Integer(number.into()),
                Field::Float(number) => Cell::Number(number.into()),
                Field::Double(number) => Cell::Number(number),
                Field::Str(text) => Cell::Text(text),
                Field::Bytes(ref bytes) => {
                    let text = std::str::from_utf8(bytes.data()).map_err(|_| other(&field))?;
                    Cell::Text(text.to_owned())
                }
                ref field => return Err(other(field)),
            })
        });
        table.rows.push(cells.collect::<Result<_>>()?);
    }
    Ok(table)
}

pub(super) fn bytes(table: &Table) -> Result<Vec<u8>> {
    written(table).map_err(|error| Error::Request(format!("cannot write Parquet: {error}")))
}

fn written(table: &Table) -> Result<Vec<u8>, ParquetError> {
    let kinds: Vec<Kind> = (0..table.columns.len()).map(|column| table.kind(column)).collect();
    let fields = table.columns.iter().zip(&kinds).map(|(name, kind)| {
        let (physical, logical) = match kind {
            Kind::Integer => (Physical::INT64, None),
            Kind::Number => (Physical::DOUBLE, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(name, physical);
        let field = field.with_repetition(Repetition::OPTIONAL).with_logical_type(logical);
        field.build().map(Arc::new)
    });
    let fields: Vec<TypePtr> = fields.collect::<Result<_, _>>()?;
    let schema = Arc::new(Type::group_type_builder("table").with_fields(fields).build()?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties))?;
    for rows in table.rows.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        for (column, kind) in kinds.iter().enumerate() {
            let cells = rows.iter().map(|row| &row[column]);
            match kind {
                Kind::Integer => put::<Int64Type>(&mut group, cells, |cell| match cell {
                    Cell::Integer(number) => Some(*number),
                    _ => None,
                })?,
                Kind::Number => put::<DoubleType>(&mut group, cells, |cell| match cell {
                    Cell::Integer(number) => Some(*number as f64),
                    Cell::Number(number) => Some(*number),
                    _ => None,
                })?,
                Kind::Text => put::<ByteArrayType>(&mut group, cells, |cell| match cell {
                    Cell::Empty => None,
                    other => Some(ByteArray::from(other.to_string().as_str())),
                })?,
            }
        }
        group.close()?;
    }
    writer.close()?;
    Ok(bytes)
}

/// Writes the next column of a group.
fn put<'a, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    cells: impl Iterator<Item = &'a Cell>,
    value: impl Fn(&Cell) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let found: Vec<Option<T::T>> = cells.map(value).collect();
    let levels: Vec<i16> = found.iter().map(|one| i16::from(one.is_some())).collect();
    let values: Vec<T::T> = found.into_iter().flatten().collect();
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns".to_owned()));
    };
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}
