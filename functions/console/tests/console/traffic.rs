//! What goes to the AWS API, counted on its way.

use aws_config::SdkConfig;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// A relay before the AWS API; it ends with the test.
pub(crate) struct Traffic {
    /// AWS, by way of the relay.
    pub(crate) aws: SdkConfig,
    requests: Requests,
}

type Requests = Arc<Mutex<BTreeMap<String, usize>>>;

impl Traffic {
    /// A relay to the API that `aws` reaches.
    pub(crate) async fn to(aws: &SdkConfig) -> Self {
        let api = Url::parse(aws.endpoint_url().expect("an endpoint")).expect("a URL");
        let api = (api.host_str().expect("a host").to_owned(), api.port_or_known_default().expect("a port"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Requests::default();
        let counted = requests.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, api.clone(), counted.clone()));
            }
        });
        let aws = aws.to_builder().endpoint_url(format!("http://127.0.0.1:{port}")).build();
        Self { aws, requests }
    }

    /// Requests since the last [`Traffic::reset`], by what they ask for.
    pub(crate) fn requests(&self) -> BTreeMap<String, usize> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn reset(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn relay(client: TcpStream, (host, port): (String, u16), requests: Requests) {
    let Ok(api) = TcpStream::connect((host.as_str(), port)).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_api, mut to_api) = api.into_split();
    tokio::spawn(async move { copy(&mut from_api, &mut to_client).await });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        // The SDK writes the head of a request at once.
        let text = String::from_utf8_lossy(&buffer[..read]);
        for target in text.split("x-amz-target: ").skip(1) {
            let action = target.split(['\r', '\n']).next().unwrap_or_default();
            let action = action.rsplit('.').next().unwrap_or_default().to_owned();
            *requests.lock().unwrap_or_else(PoisonError::into_inner).entry(action).or_default() += 1;
        }
        if to_api.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
