//! Tests of the functions as the pipeline uses them.
