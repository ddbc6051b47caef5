// {{about}}
#![allow(dead_code, unused_variables)]

// {{limit}}

/// Rows one after another.
struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

fn load(name: &str) -> Matrix {
    let bytes = std::fs::read(name).unwrap_or_else(|error| panic!("{name}: {error}; run this in its own folder"));
    let begin = 10 + u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    let header = String::from_utf8_lossy(&bytes[10..begin]);
    let shape = header.split('(').nth(1).and_then(|rest| rest.split(')').next()).expect("a shape");
    let sizes: Vec<usize> = shape.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    let values = bytes[begin..].chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f64).collect();
    Matrix { rows: sizes[0], columns: sizes[1], values }
}

/// The relative RMS distance over what no mask hides.
fn distance(rows: &Matrix, expected: &Matrix) -> f64 {
    assert_eq!((rows.rows, rows.columns), (expected.rows, expected.columns), "rows of another shape");
    let (mut delta, mut size) = (0.0, 0.0);
    for (value, right) in rows.values.iter().zip(&expected.values).filter(|(_, right)| !right.is_nan()) {
        delta += (value - right) * (value - right);
        size += right * right;
    }
    f64::sqrt(delta) / f64::max(f64::sqrt(size), 1e-300)
}

fn report(expected: &Matrix, yours: &Matrix) -> i32 {
    let own = distance(yours, expected);
    let is_right = own <= LIMIT; // NaN is not
    println!("right.npy  {:.2e} from float64", distance(&load("right.npy"), expected));
    println!("wrong.npy  {:.2e}", distance(&load("wrong.npy"), expected));
    println!("yours      {:.2e}, limit {:.2e}: {}", own, LIMIT, if is_right { "right" } else { "WRONG" });
    if is_right { 0 } else { 1 }
}

// {{functions}}

fn main() {
    // The inputs, as the engine had them.
    // {{inputs}}

    // The operation, in float64.
    // {{steps}}

    // >>> Call your own function here, on the inputs above. As it is, these are the rows that the engine computed.
    let yours = load("wrong.npy");
    // <<<

    std::process::exit(report(&expected, &yours));
}
