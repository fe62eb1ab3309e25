//! The part of a graph that is read. ONNX Runtime computes all that a graph gives, also what nobody asks for: the shipped backbone's
//! other features cost 5 % of its time. Field numbers are those of onnx.proto3.

use std::collections::HashSet;

use prost::Message;

/// What a run depends on; who made the file, and notes in it, are left out.
#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    opset_import: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "25")]
    functions: Vec<Vec<u8>>,
}

/// Its parts stay as they are.
#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(bytes = "vec", repeated, tag = "1")]
    node: Vec<Vec<u8>>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(bytes = "vec", repeated, tag = "5")]
    initializer: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    input: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "12")]
    output: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "13")]
    value_info: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    quantization_annotation: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "15")]
    sparse_initializer: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

/// Graphs within a graph, which may read any of its values.
#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(bytes = "vec", optional, tag = "6")]
    g: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    graphs: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(string, tag = "8")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
}

/// The graph, an ONNX file, with these outputs alone and what they are computed from. As it is if that can't be told: it is no such
/// file, lacks an output, or has graphs within the graph.
pub fn trimmed(file: &[u8], outputs: &[String]) -> Vec<u8> {
    parts(file, outputs).unwrap_or_else(|| file.to_vec())
}

fn parts(file: &[u8], outputs: &[String]) -> Option<Vec<u8>> {
    let mut model = ModelProto::decode(file).ok()?;
    let graph = model.graph.as_mut()?;
    let mut read: HashSet<String> = outputs.iter().cloned().collect();
    graph.output.retain(|value| ValueInfoProto::decode(value.as_slice()).is_ok_and(|value| read.contains(&value.name)));
    let nodes = graph.node.iter().map(|node| NodeProto::decode(node.as_slice()).ok()).collect::<Option<Vec<_>>>()?;
    let nested = |node: &NodeProto| node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty());
    if graph.output.len() != outputs.len() || nodes.iter().any(nested) {
        return None;
    }
    // A node stands behind those that it reads from.
    let mut kept = Vec::new();
    for (node, bytes) in nodes.into_iter().zip(std::mem::take(&mut graph.node)).rev() {
        if node.output.iter().any(|value| read.contains(value)) {
            read.extend(node.input);
            kept.push(bytes);
        }
    }
    kept.reverse();
    graph.node = kept;
    graph.initializer.retain(|tensor| TensorProto::decode(tensor.as_slice()).is_ok_and(|tensor| read.contains(&tensor.name)));
    Some(model.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKBONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/resnet50-thin/backbone.onnx");

    fn names(file: &[u8]) -> (Vec<String>, usize) {
        let graph = ModelProto::decode(file).unwrap().graph.unwrap();
        let names = graph.output.iter().map(|value| ValueInfoProto::decode(value.as_slice()).unwrap().name);
        (names.collect(), graph.node.len())
    }

    #[test]
    fn what_nobody_reads_is_left_out() {
        let file = std::fs::read(BACKBONE).unwrap();
        let (all, nodes) = names(&file);
        assert!(all.len() > 1, "{all:?}");
        assert_eq!(names(&trimmed(&file, &all)), (all.clone(), nodes));
        let (one, fewer) = names(&trimmed(&file, &all[..1]));
        assert_eq!(one, all[..1]);
        assert!(fewer < nodes, "{fewer} of {nodes} nodes");
    }

    #[test]
    fn what_cannot_be_told_stays_as_it_is() {
        let file = std::fs::read(BACKBONE).unwrap();
        assert!(trimmed(&file, &["features".to_owned(), "no such".to_owned()]) == file);
        assert_eq!(trimmed(b"no graph", &["features".to_owned()]), b"no graph");
    }
}
