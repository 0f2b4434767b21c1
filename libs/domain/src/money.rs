//! Money as people write it.

/// `$459.99`; whole dollars without cents.
pub fn dollars(cents: i64) -> String {
    match (cents / 100, cents % 100) {
        (dollars, 0) => format!("${dollars}"),
        (dollars, cents) => format!("${dollars}.{cents:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_read_as_people_write_them() {
        assert_eq!(dollars(45_999), "$459.99");
        assert_eq!(dollars(46_000), "$460");
    }
}
