package org.modelfailover.synapse.network;

import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.OMXMLBuilderFactory;
import org.apache.axis2.description.Parameter;
import org.apache.axis2.description.TransportOutDescription;
import org.apache.axis2.engine.AxisConfiguration;
import org.modelfailover.synapse.engine.Engine;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;

import javax.xml.namespace.QName;

/**
 * What the gateway's {@code http} and {@code https} transport senders are configured with in {@code
 * axis2.xml}, and in the files that it names.
 *
 * <p>What can't be read is an error, and nothing takes its place: a truststore is empty then, and a
 * proxy can't be reached.
 */
final class TransportSenders {
    /** Where to look for what is wrong, and what it is. */
    final List<String> errors = new ArrayList<>();

    /** What is configured but not done. */
    final List<String> warnings = new ArrayList<>();

    final KeyStores stores = new KeyStores();
    final String hostnameVerifier;
    final String[] protocols;
    final String[] cipherSuites;
    final List<Profile> profiles = new ArrayList<>();
    final List<Proxy> proxies = new ArrayList<>();

    /** TLS towards some servers; towards all others when it names none. */
    static final class Profile {
        final String[] servers;

        /** Null: the certificate store of the machine. */
        final KeyStores.Trusted trusted;

        final List<KeyStores.Identity> identities;

        private Profile(
                String[] servers, KeyStores.Trusted trusted, List<KeyStores.Identity> identities) {
            this.servers = servers;
            this.trusted = trusted;
            this.identities = identities;
        }
    }

    /** A proxy for {@code http} or for {@code https} endpoints. */
    static final class Proxy {
        final boolean secure;
        final String[] hosts;
        final String[] bypass;
        final String host;

        /** 0 when it is not known. */
        final int port;

        final String user;
        final String password;

        private Proxy(
                boolean secure,
                String[] hosts,
                String[] bypass,
                String host,
                int port,
                String user,
                String password) {
            this.secure = secure;
            this.hosts = hosts;
            this.bypass = bypass;
            this.host = host;
            this.port = port;
            this.user = user;
            this.password = password;
        }
    }

    /** Reads a file or a parameter. */
    private interface Reading<T> {
        T read() throws GeneralSecurityException, IOException;
    }

    TransportSenders(AxisConfiguration configuration) {
        Function<OMElement, String> secrets = Engine.of().secrets(configuration);
        TransportOutDescription https = configuration.getTransportOut("https");
        hostnameVerifier = text(https, "HostnameVerifier");
        protocols = list(text(https, "HttpsProtocols"), ",");
        cipherSuites = list(text(https, "PreferredCiphers"), ",");
        OMElement keyStore = inside(https, "keystore");
        OMElement trustStore = inside(https, "truststore");
        profiles.add(profile(new String[0], keyStore, trustStore, secrets));
        readProfiles(https, secrets);
        readProxies(configuration.getTransportOut("http"), false, secrets);
        readProxies(https, true, secrets);
        if (trustStore == null && "true".equals(text(https, "novalidatecert"))) {
            warnings.add("novalidatecert has no effect here: certificates are checked");
        }
        if (https != null && https.getParameter("CertificateRevocationVerifier") != null) {
            warnings.add("CertificateRevocationVerifier has no effect here");
        }
    }

    /** The private keys are not needed any more. */
    void forgetKeys() {
        profiles.forEach(profile -> profile.identities.forEach(KeyStores.Identity::forget));
    }

    private Profile profile(
            String[] servers,
            OMElement keyStore,
            OMElement trustStore,
            Function<OMElement, String> secrets) {
        String whose = servers.length == 0 ? "" : " for " + String.join(", ", servers);
        List<KeyStores.Identity> identities =
                keyStore == null
                        ? Collections.emptyList()
                        : orElse(
                                located("keystore", keyStore) + whose,
                                Collections.emptyList(),
                                () ->
                                        stores.identities(
                                                file(required(keyStore, "Location")),
                                                required(keyStore, "Type"),
                                                secret(keyStore, "Password", secrets),
                                                secret(keyStore, "KeyPassword", secrets)));
        KeyStores.Trusted trusted =
                orElse(
                        located("truststore", trustStore) + whose,
                        new KeyStores.Trusted(whose),
                        trustStore == null
                                ? this::trustedByJvm
                                : () ->
                                        stores.trusted(
                                                file(required(trustStore, "Location")),
                                                required(trustStore, "Type"),
                                                secret(trustStore, "Password", secrets)));
        return new Profile(servers, trusted, identities);
    }

    /** What the JVM is told to trust, which counts wherever no truststore is configured. */
    private KeyStores.Trusted trustedByJvm() throws GeneralSecurityException, IOException {
        String location = System.getProperty("javax.net.ssl.trustStore", "NONE");
        if (location.equals("NONE")) {
            return null;
        }
        String type = System.getProperty("javax.net.ssl.trustStoreType", KeyStore.getDefaultType());
        String password = System.getProperty("javax.net.ssl.trustStorePassword");
        return stores.trusted(
                file(location), type, password == null ? null : password.toCharArray());
    }

    /** The profiles of a file of their own go before those in {@code axis2.xml}. */
    private void readProfiles(
            TransportOutDescription https, Function<OMElement, String> secretsOfAxis2) {
        OMElement dynamic = element(https, "dynamicSSLProfilesConfig");
        OMElement profiles = element(https, "customSSLProfiles");
        Function<OMElement, String> secrets = secretsOfAxis2;
        if (dynamic != null) {
            profiles =
                    orElse(
                            "dynamicSSLProfilesConfig",
                            null,
                            () -> document(profilesFile(required(dynamic, "filePath"))));
            if (profiles == null) {
                // Whom they would be for is not known: nobody is called as anybody, and nobody is
                // trusted.
                this.profiles.clear();
                this.profiles.add(closed("*"));
                return;
            }
            secrets = Engine.of().secretsOf(profiles);
        }
        for (OMElement profile : children(profiles, "profile")) {
            String[] servers = list(childText(profile, "servers"), ",");
            if (servers.length == 0) {
                // As API Manager's own file has it until somebody names one.
                continue;
            }
            OMElement holder = profile;
            for (OMElement client : children(profile, "client")) {
                if (childText(client, "clientID").isEmpty()) {
                    holder = client;
                } else {
                    warnings.add("customSSLProfiles: a client with a clientID is left out");
                }
            }
            this.profiles.add(
                    profile(
                            servers,
                            child(holder, "KeyStore"),
                            child(holder, "TrustStore"),
                            secrets));
        }
    }

    private static Profile closed(String server) {
        return new Profile(
                new String[] {server}, new KeyStores.Trusted(server), Collections.emptyList());
    }

    /** The gateway puts its working folder before whatever stands there. */
    private static Path profilesFile(String location) {
        Path inWorkingFolder = Paths.get(System.getProperty("user.dir") + "/" + location);
        return Files.exists(inWorkingFolder) ? inWorkingFolder : file(location);
    }

    private OMElement document(Path file) throws IOException {
        stores.remember(file);
        try (InputStream in = Files.newInputStream(file)) {
            OMElement root = OMXMLBuilderFactory.createOMBuilder(in).getDocumentElement();
            root.build();
            return root;
        }
    }

    private void readProxies(
            TransportOutDescription sender, boolean secure, Function<OMElement, String> secrets) {
        List<OMElement> profiles = children(element(sender, "proxyProfiles"), "profile");
        for (OMElement profile : profiles) {
            proxies.add(
                    new Proxy(
                            secure,
                            list(childText(profile, "targetHosts"), ","),
                            list(childText(profile, "bypass"), ","),
                            childText(profile, "proxyHost"),
                            port("proxyPort", childText(profile, "proxyPort")),
                            child(profile, "proxyUserName") == null
                                    ? null
                                    : childText(profile, "proxyUserName"),
                            password(child(profile, "proxyPassword"), secrets)));
        }
        String host = text(sender, "http.proxyHost");
        String port = text(sender, "http.proxyPort");
        if (host == null) {
            host = System.getProperty("http.proxyHost");
            port = System.getProperty("http.proxyPort");
        }
        if (!profiles.isEmpty() || host == null) {
            return;
        }
        String bypass = text(sender, "http.nonProxyHosts");
        if (bypass == null) {
            bypass = System.getProperty("http.nonProxyHosts");
        }
        proxies.add(
                new Proxy(
                        secure,
                        new String[] {"*"},
                        list(bypass, "\\|"),
                        host,
                        port == null ? 80 : port("http.proxyPort", port),
                        text(sender, "http.proxy.username"),
                        password(element(sender, "http.proxy.password"), secrets)));
    }

    private static String password(OMElement element, Function<OMElement, String> secrets) {
        return element == null ? null : secrets.apply(element);
    }

    private int port(String where, String text) {
        try {
            int port = Integer.parseInt(text.trim());
            if (port > 0 && port < 65536) {
                return port;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        errors.add(where + ": \"" + text + "\" is no port");
        return 0;
    }

    private <T> T orElse(String where, T otherwise, Reading<T> reading) {
        try {
            return reading.read();
        } catch (GeneralSecurityException | IOException | RuntimeException e) {
            errors.add(where + " can't be read: " + e);
            return otherwise;
        }
    }

    private static String located(String name, OMElement store) {
        return store == null ? name : name + " " + childText(store, "Location");
    }

    private static Path file(String location) {
        return Paths.get(location).toAbsolutePath();
    }

    private static char[] secret(
            OMElement store, String name, Function<OMElement, String> secrets) {
        OMElement element = child(store, name);
        if (element == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return secrets.apply(element).toCharArray();
    }

    private static String required(OMElement parent, String name) {
        String text = childText(parent, name);
        if (text.isEmpty()) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return text;
    }

    private static OMElement element(TransportOutDescription sender, String name) {
        Parameter parameter = sender == null ? null : sender.getParameter(name);
        return parameter == null ? null : parameter.getParameterElement();
    }

    private static OMElement inside(TransportOutDescription sender, String name) {
        OMElement element = element(sender, name);
        return element == null ? null : element.getFirstElement();
    }

    private static String text(TransportOutDescription sender, String name) {
        Parameter parameter = sender == null ? null : sender.getParameter(name);
        Object value = parameter == null ? null : parameter.getValue();
        return value == null || value.toString().isBlank() ? null : value.toString().trim();
    }

    private static OMElement child(OMElement parent, String name) {
        return parent.getFirstChildWithName(new QName(name));
    }

    private static String childText(OMElement parent, String name) {
        OMElement child = child(parent, name);
        return child == null ? "" : child.getText().trim();
    }

    private static List<OMElement> children(OMElement parent, String name) {
        List<OMElement> children = new ArrayList<>();
        if (parent != null) {
            for (Iterator<?> all = parent.getChildrenWithName(new QName(name)); all.hasNext(); ) {
                children.add((OMElement) all.next());
            }
        }
        return children;
    }

    private static String[] list(String text, String separator) {
        if (text == null) {
            return new String[0];
        }
        return Arrays.stream(text.split(separator))
                .map(String::trim)
                .filter(item -> !item.isEmpty())
                .toArray(String[]::new);
    }
}
