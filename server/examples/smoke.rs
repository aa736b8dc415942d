fn main() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    let rt = tokio::runtime::Runtime::new().unwrap();
    rt.block_on(async {
        let mut c = server::config::Config::default();
        c.server.data_dir = "/tmp/smoke-data".into();
        c.listen.https = "127.0.0.1:18443".into();
        c.listen.http = "127.0.0.1:18080".into();
        c.listen.ops = "127.0.0.1:19464".into();
        c.database.url = std::env::args().nth(1).unwrap_or("sqlite:aizuchi.db".into());
        let r = server::start(c, server::Mode::Dev { virtual_phones: false }).await.unwrap_or_else(|e| panic!("{e}"));
        println!("{}", r.card.as_ref().unwrap());
        tokio::signal::ctrl_c().await.unwrap();
        r.stop().await;
    });
}
