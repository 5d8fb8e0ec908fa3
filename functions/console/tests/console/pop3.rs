//! A POP3 server that takes or refuses whatever opens it, with 17 messages.

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

pub(crate) async fn serve(tcp: TcpStream, takes: bool) {
    let mut tcp = BufReader::new(tcp);
    if tcp.get_mut().write_all(b"+OK ready\r\n").await.is_err() {
        return;
    }
    let mut line = String::new();
    let mut goes_on = false;
    loop {
        line.clear();
        if !matches!(tcp.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let word = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        // In two steps, as servers want it: a mechanism, then what it says.
        let asks = word == "AUTH" && line.split_whitespace().count() == 2;
        let signs_in = goes_on || word == "PASS" || word == "AUTH" && !asks;
        let answer = match word.as_str() {
            _ if signs_in && !takes => "-ERR [AUTH] no\r\n",
            _ if asks => "+ \r\n",
            _ if signs_in => "+OK welcome\r\n",
            "CAPA" => "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nRESP-CODES\r\nSASL PLAIN XOAUTH2\r\n.\r\n",
            "STAT" => "+OK 17 1700\r\n",
            _ => "+OK done\r\n",
        };
        goes_on = asks;
        if tcp.get_mut().write_all(answer.as_bytes()).await.is_err() || word == "QUIT" {
            return;
        }
    }
}
