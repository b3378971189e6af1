package org.modelfailover.synapse.network;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads key stores, of whatever type the JVM knows, into what the native executor takes: DER.
 *
 * <p>Remembers how each file looked before it was read, so that a change is noticed.
 */
final class KeyStores {
    private final Map<Path, String> stamps = new HashMap<>();

    /** The certificates of a truststore. */
    static final class Trusted {
        final String source;

        /** Those that may sign others. */
        final byte[][] authorities;

        /** Those that are trusted for themselves only. */
        final byte[][] own;

        /** Nobody is trusted. */
        Trusted(String source) {
            this(source, new byte[0][], new byte[0][]);
        }

        private Trusted(String source, byte[][] authorities, byte[][] own) {
            this.source = source;
            this.authorities = authorities;
            this.own = own;
        }
    }

    /** A private key and its certificates. */
    static final class Identity {
        final String source;
        final byte[][] chain;

        /** PKCS #8. */
        final byte[] key;

        private Identity(String source, byte[][] chain, byte[] key) {
            this.source = source;
            this.chain = chain;
            this.key = key;
        }

        void forget() {
            Arrays.fill(key, (byte) 0);
        }
    }

    /** Remembers a file; a file that is not there may come. */
    void remember(Path file) throws IOException {
        stamps.put(file, "unread");
        stamps.put(file, stamp(file));
    }

    /** Whether a file that was remembered looks different now. */
    boolean changed() {
        for (Map.Entry<Path, String> one : stamps.entrySet()) {
            try {
                if (!one.getValue().equals(stamp(one.getKey()))) {
                    return true;
                }
            } catch (IOException e) {
                // It can't be looked at now: whoever reads it anew will say so.
                return true;
            }
        }
        return false;
    }

    private static String stamp(Path file) throws IOException {
        try {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            return now.lastModifiedTime() + " " + now.size() + " " + now.fileKey();
        } catch (NoSuchFileException e) {
            return "none";
        }
    }

    /**
     * Reads a truststore: everything in it that a server's certificate may be checked against.
     *
     * @param password null when there is none
     */
    Trusted trusted(Path file, String type, char[] password)
            throws GeneralSecurityException, IOException {
        KeyStore store = open(file, type, password);
        List<byte[]> authorities = new ArrayList<>();
        List<byte[]> own = new ArrayList<>();
        for (String alias : Collections.list(store.aliases())) {
            Certificate certificate = store.getCertificate(alias);
            if (certificate instanceof X509Certificate) {
                X509Certificate x509 = (X509Certificate) certificate;
                // Version 1 has no way to say what a certificate is for.
                boolean authority = x509.getBasicConstraints() >= 0 || x509.getVersion() < 3;
                (authority ? authorities : own).add(x509.getEncoded());
            }
        }
        return new Trusted(
                file.toString(), authorities.toArray(new byte[0][]), own.toArray(new byte[0][]));
    }

    /** Reads the private keys of a keystore. */
    List<Identity> identities(Path file, String type, char[] password, char[] keyPassword)
            throws GeneralSecurityException, IOException {
        KeyStore store = open(file, type, password);
        List<Identity> identities = new ArrayList<>();
        for (String alias : Collections.list(store.aliases())) {
            if (!store.entryInstanceOf(alias, KeyStore.PrivateKeyEntry.class)) {
                continue;
            }
            Key key = store.getKey(alias, keyPassword);
            byte[] encoded = key == null ? null : key.getEncoded();
            if (encoded == null) {
                throw new GeneralSecurityException("the key " + alias + " can't be read out of it");
            }
            String source = file + ", " + alias + ",";
            identities.add(new Identity(source, chain(store, alias), encoded));
        }
        return identities;
    }

    private static byte[][] chain(KeyStore store, String alias) throws GeneralSecurityException {
        Certificate[] certificates = store.getCertificateChain(alias);
        byte[][] chain = new byte[certificates.length][];
        for (int i = 0; i < chain.length; i++) {
            chain[i] = encoded(certificates[i]);
        }
        return chain;
    }

    private static byte[] encoded(Certificate certificate) throws CertificateEncodingException {
        return certificate.getEncoded();
    }

    private KeyStore open(Path file, String type, char[] password)
            throws GeneralSecurityException, IOException {
        remember(file);
        KeyStore store = KeyStore.getInstance(type);
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, password);
        }
        return store;
    }
}
