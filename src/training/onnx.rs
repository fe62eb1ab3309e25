//! The little of ONNX that a head needs, written with `prost`. Field numbers are those of onnx.proto3 (IR version 8); what a
//! head doesn't use is left out.

use prost::Message;

/// Float32, in `TensorProto.DataType`.
const FLOAT: i32 = 1;
/// Int64, in `TensorProto.DataType`.
const INT64: i32 = 7;
const IR_VERSION: i64 = 8;
const OPSET: i64 = 13;

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSetIdProto>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
    /// 2: an integer.
    #[prost(int32, tag = "20")]
    r#type: i32,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<ShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<DimensionProto>,
}

#[derive(Clone, PartialEq, Message)]
struct DimensionProto {
    #[prost(int64, optional, tag = "1")]
    dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    dim_param: Option<String>,
}

/// A graph under construction: one chain of values from `features` on.
#[derive(Default)]
pub struct Graph {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

/// The name of a value in a graph.
pub type Value = String;

impl Graph {
    /// Name of the input: float32, N x features.
    pub const INPUT: &'static str = "features";
    /// Name of the output: float32, N x classes.
    pub const OUTPUT: &'static str = "probabilities";

    /// A float32 constant, row by row.
    pub fn constant(&mut self, dims: &[usize], values: &[f32]) -> Value {
        self.tensor(dims, FLOAT, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// A list of int64, such as axes.
    pub fn integers(&mut self, values: &[i64]) -> Value {
        self.tensor(&[values.len()], INT64, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn tensor(&mut self, dims: &[usize], data_type: i32, raw_data: Vec<u8>) -> Value {
        let name = format!("c{}", self.constants.len());
        let dims = dims.iter().map(|size| *size as i64).collect();
        self.constants.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        name
    }

    /// Applies an operator to values; returns its result.
    pub fn apply(&mut self, operator: &str, inputs: &[&str]) -> Value {
        self.apply_with(operator, inputs, &[])
    }

    /// The same, with integer attributes.
    pub fn apply_with(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, i64)]) -> Value {
        let output = format!("v{}", self.nodes.len());
        let attribute = attributes.iter().map(|(name, i)| AttributeProto { name: (*name).to_owned(), i: *i, r#type: 2 });
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.clone()],
            op_type: operator.to_owned(),
            attribute: attribute.collect(),
        });
        output
    }

    /// The file: what was applied last is the output. The same graph gives the same bytes.
    pub fn finish(mut self, features: usize, classes: usize) -> Vec<u8> {
        if let Some(last) = self.nodes.last_mut() {
            last.output = vec![Self::OUTPUT.to_owned()];
        }
        let value = |name: &str, width: usize| {
            let dim = vec![
                DimensionProto { dim_value: None, dim_param: Some("batch".to_owned()) },
                DimensionProto { dim_value: Some(width as i64), dim_param: None },
            ];
            let tensor_type = TensorTypeProto { elem_type: FLOAT, shape: Some(ShapeProto { dim }) };
            ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
        };
        let graph = GraphProto {
            node: self.nodes,
            name: "head".to_owned(),
            initializer: self.constants,
            input: vec![value(Self::INPUT, features)],
            output: vec![value(Self::OUTPUT, classes)],
        };
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: concat!("imagespam-milter ", env!("CARGO_PKG_VERSION")).to_owned(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        };
        model.encode_to_vec()
    }
}
