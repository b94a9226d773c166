//! Components that are unlike most: that cost a compiler much, or are large.

/// A valid component that exports nothing: so many functions with a body of so many steps each. What one long body costs
/// grows faster than its length.
pub fn bomb(functions: usize, steps: usize) -> Vec<u8> {
    // No locals; a number, then steps that each take the parameter into account.
    let mut body = vec![0, 0x41, 1];
    for step in 0..steps {
        body.extend([0x20, 0, [0x6a, 0x6c, 0x73, 0x77][step % 4]]);
    }
    body.push(0x0b);
    let mut sized = Vec::new();
    leb128(body.len(), &mut sized);
    sized.extend(body);
    let of_each = |what: &[u8]| {
        let mut list = Vec::new();
        leb128(functions, &mut list);
        list.extend(what.repeat(functions));
        list
    };
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // One type: from a number to a number.
    section(1, &[1, 0x60, 1, 0x7f, 1, 0x7f], &mut module);
    section(3, &of_each(&[0]), &mut module);
    section(10, &of_each(&sized), &mut module);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(1, &module, &mut component);
    component
}

/// A component with so many bytes more, which nobody reads.
pub fn padded(mut component: Vec<u8>, bytes: usize) -> Vec<u8> {
    section(0, &vec![0; bytes], &mut component);
    component
}

fn leb128(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn section(id: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    leb128(content.len(), out);
    out.extend_from_slice(content);
}
