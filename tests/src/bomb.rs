//! A component that takes a compiler far longer than it has.

/// Additions in its one function. What they cost grows faster than their number.
const ADDITIONS: usize = 1_000_000;

/// The component: 3 MB.
pub fn component() -> Vec<u8> {
    let mut body = vec![0x00, 0x41, 0x00]; // no locals; i32.const 0
    for _ in 0..ADDITIONS {
        body.extend([0x41, 0x01, 0x6a]); // i32.const 1; i32.add
    }
    body.push(0x0b);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[0x01, 0x60, 0x00, 0x01, 0x7f]); // one type: () -> i32
    section(&mut module, 3, &[0x01, 0x00]); // one function of it
    let mut code = vec![0x01];
    number(&mut code, body.len());
    code.extend(body);
    section(&mut module, 10, &code);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, 1, &module); // a core module
    component
}

fn section(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    number(to, content.len());
    to.extend(content);
}

/// LEB128.
fn number(to: &mut Vec<u8>, mut number: usize) {
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return to.push(byte);
        }
        to.push(byte | 0x80);
    }
}
