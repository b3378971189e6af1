package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/**
 * Providers are called over the network that the gateway's own transport senders are set up for.
 */
class NetworkTest extends GatewayTest {
    private static final String HTTP =
            "<transportSender name='http'"
                    + " class='org.apache.synapse.transport.passthru.PassThroughHttpSender'>%s"
                    + "</transportSender>";
    private static final String HTTPS =
            "<transportSender name='https'"
                    + " class='org.apache.synapse.transport.passthru.PassThroughHttpSSLSender'>%s"
                    + "</transportSender>";

    @TempDir static Path keys;
    private static Stores stores;
    private LogCapture log;

    @BeforeAll
    static void makeKeys() {
        stores = new Stores(keys);
        stores.key("authority", "bc:c");
        stores.key("signed", "authority", "san=dns:localhost");
        stores.key("server", "san=dns:localhost");
        stores.key("client");
    }

    @BeforeEach
    void listen() {
        log = new LogCapture();
    }

    @AfterEach
    void noPasswordWasLogged() {
        log.close();
        assertFalse(log.text().contains(Stores.PASSWORD), log::text);
    }

    private static String parameter(String name, String value) {
        return "<parameter name='" + name + "'>" + value + "</parameter>";
    }

    private static String store(String element, Path file, String more) {
        return "<"
                + element
                + "><Location>"
                + file
                + "</Location><Type>PKCS12</Type><Password>"
                + Stores.PASSWORD
                + "</Password>"
                + more
                + "</"
                + element
                + ">";
    }

    private static String trustStore(Path file) {
        return parameter("truststore", store("TrustStore", file, ""));
    }

    private void deploy(TlsProvider provider, String parameters) {
        deploy(
                api().endpoint("one", provider.url())
                        .senders(String.format(HTTP, "") + String.format(HTTPS, parameters)),
                FailoverConfigs.target("m", "one"));
    }

    private RawClient.Answer ask() {
        return ask(chat("m"));
    }

    private void assertRefused(String why) {
        RawClient.Answer answer = ask();
        assertEquals(502, answer.status(), answer.text());
        String reason = "a failed TLS handshake: " + why;
        assertTrue(answer.text().contains(reason), answer.text());
    }

    private void assertSoonAnswered() {
        Until.is("the provider is called", () -> ask().status(), status -> status == 200);
    }

    @Test
    void theGatewaysTruststoreCountsAlsoWhenItChanges() throws Exception {
        Path trust = stores.trusting("changing", "client");
        TlsProvider provider = closing(new TlsProvider(stores.file("server"), null));
        deploy(provider, trustStore(trust));
        assertRefused("nobody who is trusted signed the server's certificate");
        stores.trusting("changing", "server");
        assertSoonAnswered();
        Files.writeString(trust, "half a truststore");
        Until.holds(
                "the broken truststore is named",
                () -> !log.lines("ERROR", trust.toString()).isEmpty());
        assertEquals(200, ask().status(), "the truststore before it still counts");
    }

    @Test
    void whatTheGatewaysOwnCallReachesThePolicyReachesToo() throws Exception {
        Path trust = stores.trusting("trust", "authority");
        TlsProvider provider = closing(new TlsProvider(stores.file("signed"), null));
        deploy(provider, trustStore(trust) + parameter("HostnameVerifier", "Strict"));
        assertEquals(200, ask(chat("another model")).status(), "past the policy");
        assertEquals(200, ask().status(), "by the policy");
    }

    @Test
    void aTruststoreThatIsNotThereTrustsNobodyUntilItComes() throws Exception {
        TlsProvider provider = closing(new TlsProvider(stores.file("server"), null));
        Path trust = stores.file("late");
        // Apache's own sender would keep the gateway from starting.
        String profile =
                "<profile><servers>localhost:"
                        + provider.port()
                        + "</servers>"
                        + store("TrustStore", trust, "")
                        + "</profile>";
        Path profiles = Files.writeString(folder.resolve("profiles.xml"), wrapped(profile));
        deploy(provider, profilesIn(profiles));
        assertRefused("nobody who is trusted signed the server's certificate");
        assertFalse(log.lines("ERROR", trust.toString()).isEmpty(), log.notable());
        stores.trusting("late", "server");
        assertSoonAnswered();
    }

    @Test
    void anSslProfileBringsTheClientCertificateForItsServers() throws Exception {
        Path clients = stores.trusting("clients", "client");
        Path trust = stores.trusting("trust", "server");
        TlsProvider provider = closing(new TlsProvider(stores.file("server"), clients));
        Path profiles = Files.writeString(folder.resolve("profiles.xml"), wrapped(""));
        deploy(provider, trustStore(trust) + profilesIn(profiles));
        // The server closes: whether its alert or the end of the connection comes first is chance.
        assertEquals(502, ask().status(), "without a certificate");
        String key = "<KeyPassword>" + Stores.PASSWORD + "</KeyPassword>";
        String profile =
                "<profile><servers>localhost:"
                        + provider.port()
                        + "</servers>"
                        + store("KeyStore", stores.file("client"), key)
                        + store("TrustStore", trust, "")
                        + "</profile>";
        Files.writeString(profiles, wrapped(profile));
        assertSoonAnswered();
    }

    private static String wrapped(String profiles) {
        return parameter("customSSLProfiles", profiles);
    }

    private static String profilesIn(Path file) {
        return parameter(
                "dynamicSSLProfilesConfig",
                "<filePath>" + file + "</filePath><fileReadInterval>600000</fileReadInterval>");
    }

    private static String portOf(String url) {
        return String.valueOf(URI.create(url).getPort());
    }

    @Test
    void theForwardProxyIsTakenWithItsPasswordAndPastTheBypassList() throws Exception {
        RecordingProvider proxy = closing(new RecordingProvider());
        String sender =
                parameter("http.proxyHost", "127.0.0.1")
                        + parameter("http.proxyPort", portOf(proxy.url()))
                        + parameter("http.proxy.username", "gateway")
                        + parameter("http.proxy.password", Stores.PASSWORD)
                        + parameter("http.nonProxyHosts", "localhost|127\\..*");
        ProviderProcess direct = provider("direct");
        deploy(
                api().endpoint("far", "http://model.example/v1")
                        .endpoint("near", direct.url())
                        .senders(String.format(HTTP, sender)),
                FailoverConfigs.target("m", "near").fallback("n", "far"));
        direct.set("m", "status=503");
        assertEquals(200, ask().status());
        assertEquals(1, direct.callsOf("m").size(), "the bypass list names it");
        RecordingProvider.Request request = proxy.requests().get(0);
        assertTrue(request.target().startsWith("http://model.example/v1/"), request.target());
        String login = "gateway:" + Stores.PASSWORD;
        assertEquals(
                "Basic " + Base64.getEncoder().encodeToString(login.getBytes()),
                request.header("Proxy-Authorization"));
    }
}
