use http::{HeaderMap, Method};

/// Where one attempt goes: made for one candidate, never reused for another.
pub struct Upstream {
    /// The method.
    pub method: Method,
    /// The whole URL, query included.
    pub url: String,
    /// The headers, credentials included. Hop-by-hop headers and Content-Length are not in it; Host is when a signature
    /// has another than the URL.
    pub headers: HeaderMap,
    /// Whether the endpoint has its own credentials configured in the gateway; otherwise the client's were passed on.
    pub own_credential: bool,
}

impl std::fmt::Debug for Upstream {
    /// The URL's query and the headers can carry secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("method", &self.method)
            .field("own_credential", &self.own_credential)
            .finish_non_exhaustive()
    }
}
