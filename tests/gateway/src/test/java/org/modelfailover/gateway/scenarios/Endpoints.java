package org.modelfailover.gateway.scenarios;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.ProviderProcess;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The endpoints that all scenarios share: providers, and addresses where no provider is. */
final class Endpoints implements AutoCloseable {
    static final String DEFAULT = "default";

    /** The names by which scenarios know the endpoints; the README says what each is. */
    static final List<String> ENDPOINTS =
            List.of(
                    DEFAULT,
                    "one",
                    "two",
                    "three",
                    "open",
                    "query",
                    "refused",
                    "blackhole",
                    "nowhere",
                    "tls",
                    "garbage");

    /** What must never be seen in an answer. */
    static final List<String> SECRETS =
            List.of("sk-default", "sk-one", "sk-two", "sk-three", "sk-query", "sk-none");

    private static final Map<String, String> PROCESS_OF =
            Map.of(
                    DEFAULT, "host", "one", "one", "two", "two", "three", "three", "open", "open",
                    "query", "query");
    private static final int NOBODY_LISTENS = 1;
    private static final int MORE_THAN_THE_BACKLOG = 6;

    private final Map<String, ProviderProcess> providers = new HashMap<>();
    private final List<Closeable> sockets = new ArrayList<>();
    private final ServerSocket garbage;
    private final ServerSocket blackhole;

    Endpoints() throws IOException {
        for (String name : PROCESS_OF.values()) {
            providers.put(name, ProviderProcess.start(name));
        }
        garbage = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        blackhole = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        sockets.add(garbage);
        sockets.add(blackhole);
        Thread babbler = new Thread(this::babble, "garbage");
        babbler.setDaemon(true);
        babbler.start();
        for (int i = 0; i < MORE_THAN_THE_BACKLOG; i++) {
            SocketChannel filler = SocketChannel.open();
            filler.configureBlocking(false);
            filler.connect(
                    new InetSocketAddress(blackhole.getInetAddress(), blackhole.getLocalPort()));
            sockets.add(filler);
        }
    }

    /** The id that an endpoint has in a configuration. */
    static String idOf(String endpoint) {
        int index = ENDPOINTS.indexOf(endpoint);
        if (index < 0) {
            throw new IllegalArgumentException(endpoint + " is none of " + ENDPOINTS);
        }
        return endpoint.equals(DEFAULT)
                ? "default_production_endpoint"
                : String.format("0c1f2a9e-77aa-4a64-93d5-%012d", index);
    }

    /** The provider at an endpoint, if there is one. */
    Optional<ProviderProcess> at(String endpoint) {
        return Optional.ofNullable(PROCESS_OF.get(endpoint)).map(providers::get);
    }

    /** Adds all endpoints. */
    void addTo(TestDeployment deployment) {
        for (String endpoint : ENDPOINTS) {
            deployment.endpoint(idOf(endpoint), url(endpoint));
            switch (endpoint) {
                case DEFAULT:
                    deployment.asDefault().headerKey("Authorization", "Bearer sk-default");
                    break;
                case "one":
                case "two":
                    deployment.headerKey("Authorization", "Bearer sk-" + endpoint);
                    break;
                case "three":
                    deployment.headerKey("x-api-key", "sk-three");
                    break;
                case "query":
                    deployment.queryKey("key", "sk-query");
                    break;
                case "open":
                    break;
                default:
                    deployment.headerKey("Authorization", "Bearer sk-none");
            }
        }
    }

    private String url(String endpoint) {
        switch (endpoint) {
            case "refused":
                return "http://127.0.0.1:" + NOBODY_LISTENS + "/v1";
            case "blackhole":
                return "http://127.0.0.1:" + blackhole.getLocalPort() + "/v1";
            case "garbage":
                return "http://127.0.0.1:" + garbage.getLocalPort() + "/v1";
            case "nowhere":
                return "http://nowhere.invalid/v1";
            case "tls":
                return providers.get("one").url().replace("http:", "https:");
            default:
                return providers.get(PROCESS_OF.get(endpoint)).url();
        }
    }

    /** Reads a little of each request and answers with what is no HTTP. */
    private void babble() {
        while (!garbage.isClosed()) {
            try (Socket socket = garbage.accept()) {
                socket.getInputStream().read(new byte[4096]);
                byte[] noise = "220 mail.example ESMTP\r\n".getBytes(StandardCharsets.US_ASCII);
                socket.getOutputStream().write(noise);
            } catch (IOException e) {
                // The next caller gets the same; when the socket is closed the loop ends.
            }
        }
    }

    @Override
    public void close() throws IOException {
        providers.values().forEach(ProviderProcess::close);
        for (Closeable socket : sockets) {
            socket.close();
        }
    }
}
