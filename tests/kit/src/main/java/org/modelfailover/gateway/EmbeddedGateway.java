package org.modelfailover.gateway;

import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.util.AXIOMUtil;
import org.apache.axis2.context.ConfigurationContext;
import org.apache.axis2.transport.base.threads.WorkerPool;
import org.apache.synapse.ManagedLifecycle;
import org.apache.synapse.Mediator;
import org.apache.synapse.ServerConfigurationInformation;
import org.apache.synapse.ServerContextInformation;
import org.apache.synapse.ServerManager;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.config.xml.MediatorFactoryFinder;
import org.apache.synapse.config.xml.PropertyHelper;
import org.apache.synapse.config.xml.XMLConfigConstants;
import org.apache.synapse.config.xml.endpoints.EndpointFactory;
import org.apache.synapse.config.xml.rest.APIFactory;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.endpoints.Endpoint;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.rest.API;
import org.apache.synapse.rest.Handler;
import org.modelfailover.gateway.host.KeyTypeHandler;

import java.io.IOException;
import java.net.BindException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

import javax.xml.namespace.QName;
import javax.xml.stream.XMLStreamException;

/**
 * An Apache Synapse 3.0.1 engine on 127.0.0.1 with one AI API in it. Several may run in one JVM;
 * the timer behind endpoint timeouts is then the first one's, and stops when that one is closed.
 *
 * <p>The API is deployed into the running engine, not read by it at start: so does API Manager, a
 * redeployment goes the same way, and a document that Synapse refuses is an error with its reason
 * instead of a missing API.
 */
public final class EmbeddedGateway implements AutoCloseable {
    /** Names the file with the extension's settings, as API Manager's deployment.toml has them. */
    public static final String SETTINGS_PROPERTY = "model.failover.config";

    /** {@code PassThroughConstants.PASS_THROUGH_TRANSPORT_WORKER_POOL}, which is protected. */
    private static final String WORKER_POOL = "PASS_THROUGH_TRANSPORT_WORKER_POOL";

    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(2);

    /** {@link #SETTINGS_PROPERTY} belongs to the JVM; mediators read it while they are deployed. */
    private static final Object DEPLOYING = new Object();

    private static final String SETTINGS_BY_USER = System.getProperty(SETTINGS_PROPERTY);

    private final ServerManager manager;
    private final ServerContextInformation context;
    private final Path home;
    private final int port;

    private DeploymentFolder folder;
    private SynapseArtifacts deployed;
    private boolean closed;

    /** Whether the API that is deployed stays while its parts are replaced. */
    private boolean keepsApi;

    private EmbeddedGateway(
            ServerManager manager, ServerContextInformation context, Path home, int port) {
        this.manager = manager;
        this.context = context;
        this.home = home;
        this.port = port;
    }

    /** Starts a gateway on a free port. */
    public static EmbeddedGateway start(DeploymentFolder folder) {
        return start(folder, 0);
    }

    /**
     * Starts a gateway and returns when it answers.
     *
     * @param port on 127.0.0.1; 0 takes a free one
     * @throws GatewayException if the port is taken or something cannot be deployed
     */
    public static EmbeddedGateway start(DeploymentFolder folder, int port) {
        StrayAccessLog.remove();
        int chosen = available(port);
        Path home = null;
        EmbeddedGateway gateway = null;
        try {
            home = writeHome(chosen, folder);
            ServerConfigurationInformation configuration = configuration(home, chosen);
            ServerContextInformation context = new ServerContextInformation(configuration);
            ServerManager manager = new ServerManager();
            gateway = new EmbeddedGateway(manager, context, home, chosen);
            manager.init(configuration, context);
            manager.start();
            gateway.deploy(folder);
            gateway.awaitAnswer();
            return gateway;
        } catch (IOException e) {
            throw new GatewayException("cannot write the engine's files: " + e, e);
        } catch (RuntimeException e) {
            if (gateway != null) {
                gateway.close();
            }
            throw e instanceof GatewayException ? e : new GatewayException("engine: " + e, e);
        }
    }

    /** The API's address, {@code http://127.0.0.1:<port><context>}. */
    public String baseUrl() {
        return origin() + folder.api().context();
    }

    /** The gateway's address, without a path. */
    public String origin() {
        return "http://127.0.0.1:" + port;
    }

    public int port() {
        return port;
    }

    /** The engine's folder; {@code deployed/} in it holds every document of the API. */
    public Path home() {
        return home;
    }

    /** The engine's configuration: deployed sequences, endpoints and APIs by name. */
    public SynapseConfiguration synapseConfiguration() {
        return context.getSynapseConfiguration();
    }

    /** Undeploys the API and deploys it again: new mediators, {@code destroy} and {@code init}. */
    public void redeploy() {
        redeploy(folder);
    }

    /**
     * Deploys another revision in place of the present one. As in API Manager the old one goes
     * first, so that a request in between finds nothing (404); requests already inside run on.
     *
     * @throws GatewayException if it cannot be deployed; then nothing is
     */
    public void redeploy(DeploymentFolder revision) {
        undeploy();
        deploy(revision);
    }

    /**
     * Puts the endpoints and sequences of another revision in the place of the present ones, one by
     * one, so that no request in between finds nothing. The API itself stays: Synapse 3.0.1, unlike
     * the host, finds its way back to a replaced one no more, and loses the answers.
     *
     * @throws GatewayException if it cannot be deployed
     */
    public synchronized void update(DeploymentFolder revision) {
        SynapseConfiguration configuration = synapseConfiguration();
        List<Endpoint> endpoints = new ArrayList<>(configuration.getDefinedEndpoints().values());
        List<SequenceMediator> sequences = new ArrayList<>();
        for (String name : deployed.sequences().keySet()) {
            sequences.add(configuration.getDefinedSequences().get(name));
        }
        keepsApi = true;
        try {
            deploy(revision);
        } finally {
            keepsApi = false;
        }
        sequences.forEach(SequenceMediator::destroy);
        endpoints.forEach(Endpoint::destroy);
    }

    /**
     * Deploys one more API beside the one that is there; it stays until the engine ends.
     *
     * @param more an API of another name
     * @throws GatewayException if it cannot be deployed
     */
    public synchronized void add(DeploymentFolder more) {
        synchronized (DEPLOYING) {
            deploy(more.api(), SynapseArtifacts.of(more));
        }
    }

    /** Stops the engine and destroys the mediators. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        undeploy();
        awaitIdleWorkers();
        manager.shutdown();
        try (Stream<Path> files = Files.walk(home)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            throw new GatewayException("cannot remove " + home + ": " + e, e);
        }
    }

    private synchronized void deploy(DeploymentFolder revision) {
        folder = revision;
        deployed = SynapseArtifacts.of(revision);
        synchronized (DEPLOYING) {
            try {
                deployed.write(home.resolve("deployed"));
                announceSettings(revision);
                deploy(revision.api(), deployed);
            } catch (IOException e) {
                throw new GatewayException("cannot write " + home + ": " + e, e);
            } catch (RuntimeException e) {
                undeploy();
                throw e;
            }
        }
    }

    private void deploy(DeploymentFolder.Api api, SynapseArtifacts artifacts) {
        artifacts.endpoints().forEach(this::addEndpoint);
        artifacts.sequences().forEach(this::addSequence);
        if (!keepsApi) {
            addApi(api, artifacts.api());
        }
    }

    private static void announceSettings(DeploymentFolder revision) {
        String settings = revision.settings().map(Path::toString).orElse(SETTINGS_BY_USER);
        if (settings == null) {
            System.clearProperty(SETTINGS_PROPERTY);
        } else {
            System.setProperty(SETTINGS_PROPERTY, settings);
        }
    }

    private void addEndpoint(String name, String xml) {
        try {
            Endpoint endpoint = EndpointFactory.getEndpointFromElement(parse(xml), false, null);
            endpoint.init(environment());
            // Not added: a request that looked for it in vain has left an entry of this name.
            synapseConfiguration().updateEndpoint(name, endpoint);
        } catch (RuntimeException e) {
            throw refused("endpoint", name, e);
        }
    }

    private void addSequence(String name, String xml) {
        try {
            SequenceMediator sequence =
                    (SequenceMediator)
                            MediatorFactoryFinder.getInstance()
                                    .getMediator(parse(xml), new Properties());
            // In the order of API Manager's own deployer: the sequence is known when its mediators
            // begin.
            synapseConfiguration().updateSequence(name, sequence);
            sequence.init(environment());
        } catch (RuntimeException e) {
            throw refused("sequence", name, e);
        }
    }

    private void addApi(DeploymentFolder.Api described, String xml) {
        try {
            OMElement element = parse(xml);
            API api = APIFactory.createAPI(element);
            completeHandlers(api, element);
            for (Handler handler : api.getHandlers()) {
                if (handler instanceof KeyTypeHandler guard) {
                    guard.guard(described.name(), described.version(), described.tenant());
                }
                if (handler instanceof ManagedLifecycle managed) {
                    managed.init(environment());
                }
            }
            api.init(environment());
            synapseConfiguration().addAPI(api.getName(), api);
        } catch (RuntimeException e) {
            throw refused("API", described.synapseName(), e);
        }
    }

    /** WSO2's Synapse hands a handler its properties; 3.0.1 does not look at them. */
    private static void completeHandlers(API api, OMElement element) {
        Iterator<?> elements = element.getFirstChildWithName(tag("handlers")).getChildElements();
        for (Handler handler : api.getHandlers()) {
            Iterator<?> properties =
                    ((OMElement) elements.next()).getChildrenWithName(tag("property"));
            while (properties.hasNext()) {
                OMElement property = (OMElement) properties.next();
                PropertyHelper.setInstanceProperty(
                        property.getAttributeValue(new QName("name")),
                        property.getAttributeValue(new QName("value")),
                        handler);
            }
        }
    }

    private static QName tag(String name) {
        return new QName(XMLConfigConstants.SYNAPSE_NAMESPACE, name);
    }

    private static GatewayException refused(String kind, String name, RuntimeException reason) {
        Throwable root = reason;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String because = root == reason ? "" : " (" + root + ")";
        return new GatewayException(
                kind + " " + name + " cannot be deployed: " + reason.getMessage() + because,
                reason);
    }

    /** Undeploys the API; requests already inside run on. */
    public synchronized void undeploy() {
        SynapseConfiguration configuration = synapseConfiguration();
        if (deployed == null || configuration == null) {
            return;
        }
        API api = configuration.getAPI(folder.api().synapseName());
        if (api != null) {
            configuration.removeAPI(api.getName());
            api.destroy();
            for (Handler handler : api.getHandlers()) {
                if (handler instanceof ManagedLifecycle managed) {
                    managed.destroy();
                }
            }
        }
        for (String name : deployed.sequences().keySet()) {
            Mediator sequence = configuration.getDefinedSequences().get(name);
            if (sequence != null) {
                configuration.removeSequence(name);
                ((SequenceMediator) sequence).destroy();
            }
        }
        for (String name : deployed.endpoints().keySet()) {
            Endpoint endpoint = configuration.getDefinedEndpoints().get(name);
            if (endpoint != null) {
                configuration.removeEndpoint(name);
                endpoint.destroy();
            }
        }
        deployed = null;
    }

    private SynapseEnvironment environment() {
        return context.getSynapseEnvironment();
    }

    private static OMElement parse(String xml) {
        try {
            OMElement element = AXIOMUtil.stringToOM(xml);
            element.build();
            return element;
        } catch (XMLStreamException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** A listener that cannot bind says so in the log only: find out before. */
    private static int available(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port));
            return socket.getLocalPort();
        } catch (BindException e) {
            throw new GatewayException("port " + port + " on 127.0.0.1: " + e.getMessage(), e);
        } catch (IOException e) {
            throw new GatewayException("port " + port + ": " + e, e);
        }
    }

    /**
     * Any path outside the API's context is answered by the main sequence, so no policy sees this.
     */
    private void awaitAnswer() {
        long deadline = System.nanoTime() + START_LIMIT.toNanos();
        while (System.nanoTime() < deadline) {
            try {
                HttpURLConnection probe =
                        (HttpURLConnection) new URL(origin() + "/-/ready").openConnection();
                probe.setConnectTimeout(1000);
                probe.setReadTimeout(5000);
                if (probe.getResponseCode() == 404) {
                    return;
                }
            } catch (IOException e) {
                LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
            }
        }
        throw new GatewayException("no answer at " + origin() + " after " + START_LIMIT);
    }

    /** A client may have its answer while the worker that sent it still needs the engine. */
    private void awaitIdleWorkers() {
        Object engine = context.getServerContext();
        if (!(engine instanceof ConfigurationContext configuration)) {
            return;
        }
        Object workers = configuration.getProperty(WORKER_POOL);
        long deadline = System.nanoTime() + STOP_LIMIT.toNanos();
        while (workers instanceof WorkerPool pool
                && pool.getActiveCount() > 0
                && System.nanoTime() < deadline) {
            LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
        }
    }

    private static ServerConfigurationInformation configuration(Path home, int port) {
        ServerConfigurationInformation configuration = new ServerConfigurationInformation();
        configuration.setSynapseHome(home.toString());
        configuration.setSynapseXMLLocation("synapse-config");
        configuration.setServerName("gateway-" + port);
        configuration.setAxis2Xml("axis2.xml");
        configuration.setResolveRoot(home.toString());
        configuration.setAxis2RepoLocation("repo");
        return configuration;
    }

    private static Path writeHome(int port, DeploymentFolder folder) throws IOException {
        Path home = Files.createTempDirectory("gateway-" + port + "-");
        Files.createDirectories(home.resolve("repo/services"));
        Files.createDirectories(home.resolve("repo/modules"));
        Files.createDirectories(home.resolve("synapse-config/sequences"));
        Files.writeString(
                home.resolve("axis2.xml"),
                resource("axis2.xml")
                        .replace("@port@", String.valueOf(port))
                        .replace("@senders@", senders(folder)));
        for (String file :
                new String[] {"synapse.xml", "sequences/main.xml", "sequences/fault.xml"}) {
            Files.writeString(home.resolve("synapse-config").resolve(file), resource(file));
        }
        return home;
    }

    private static String senders(DeploymentFolder folder) throws IOException {
        return folder.senders().isPresent()
                ? Files.readString(folder.senders().get())
                : resource("senders.xml");
    }

    private static String resource(String name) throws IOException {
        try (var in = EmbeddedGateway.class.getResourceAsStream("/engine/" + name)) {
            return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        }
    }
}
