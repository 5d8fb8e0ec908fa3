//! What mails say, in English and in German.

pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod distance;
pub(crate) mod letter;
pub(crate) mod operator;
pub(crate) mod reason;

pub(crate) use account::Account;
pub(crate) use address::Address;
pub(crate) use distance::Distance;
pub(crate) use letter::Letter;
pub(crate) use operator::Operator;
pub(crate) use reason::Reason;

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_language::mistakes;

    #[test]
    fn texts_are_complete() {
        for texts in [Account::ALL, Address::ALL, Distance::ALL, Letter::ALL, Operator::ALL, Reason::ALL] {
            assert_eq!(mistakes(texts), [""; 0]);
        }
    }
}
