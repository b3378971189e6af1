package org.modelfailover.synapse;

import org.apache.axis2.AxisFault;
import org.apache.axis2.context.MessageContext;
import org.apache.synapse.Mediator;
import org.apache.synapse.core.axis2.Axis2MessageContext;

import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/** Where one candidate is called, and with which headers: credentials are its own or nobody's. */
final class OutgoingRequest {
    private static final String JSON = "application/json";

    /**
     * Where a signer says over which body it signed. The host's decodes the body, and signs another
     * one where that is not the gateway's encoding.
     */
    private static final String BODY_HASH = "x-amz-content-sha256";

    final String url;

    /** A block of lines. */
    final byte[] headers;

    private OutgoingRequest(String url, byte[] headers) {
        this.url = url;
        this.headers = headers;
    }

    /**
     * Lets the endpoint's security mediators put its credentials in.
     *
     * @param postfix the path behind the endpoint's, with the candidate's model where it names one
     * @param body what the candidate will be sent
     * @throws Candidates.Unusable when credentials could not be applied: nothing may be sent
     *     without them
     */
    static OutgoingRequest to(
            Candidates.Target target,
            SuspendedRequest request,
            String postfix,
            Supplier<byte[]> body)
            throws Candidates.Unusable, AxisFault {
        Map<String, String> headers = request.headers();
        Object excess = request.excessHeaders();
        if (!target.hasCredentials()) {
            return new OutgoingRequest(
                    Candidates.join(target.url, postfix),
                    Headers.forProvider(headers, excess, null));
        }
        // What the caller sent was for the gateway, or for whoever the caller had in mind. A host
        // that is there afterwards is one that was signed.
        headers.keySet()
                .removeIf(
                        name ->
                                Headers.isCredential(name)
                                        || Headers.choosesAccount(name)
                                        || isHost(name));
        Map<String, String> before = Headers.copy(headers);
        String callers = Query.without(postfix, Headers::isCredential);
        // What is parsed is not what is sent: that stays as the caller spelt it.
        String parsed = Query.wellFormed(callers);
        Axis2MessageContext scratch = request.scratch(headers, parsed);
        MessageContext axis2 = scratch.getAxis2MessageContext();
        for (Mediator mediator : target.security) {
            apply(mediator, scratch);
        }
        String path = (String) axis2.getProperty(Properties.URL_POSTFIX);
        boolean inPath = !Objects.equals(parsed, path);
        String url = Candidates.join(target.url, Query.withAdded(callers, parsed, path));
        boolean signed = !target.signers.isEmpty();
        if (signed) {
            url = sign(target, scratch, new SignableUrl(url), body);
        }
        headers = Headers.copy(axis2.getProperty(Properties.HEADERS));
        checkApplied(before, headers, inPath);
        String host = signed ? signedHost(headers.get("Host"), url) : null;
        excess = Headers.unchanged(excess, before, headers);
        return new OutgoingRequest(url, Headers.forProvider(headers, excess, host));
    }

    /** Some mediators only log that they have no credentials to put in. */
    private static void checkApplied(
            Map<String, String> before, Map<String, String> after, boolean inPath)
            throws Candidates.Unusable {
        boolean applied = inPath;
        for (Map.Entry<String, String> header : after.entrySet()) {
            String name = header.getKey();
            if (header.getValue().equals(before.get(name))) {
                continue;
            }
            applied = true;
            if (!Headers.canBeSent(header.getValue())) {
                throw new Candidates.Unusable(
                        "its credentials put into " + name + " what no header can hold");
            }
        }
        if (!applied) {
            throw new Candidates.Unusable("its credentials were not put in");
        }
    }

    /** The host that was signed, where it is not what the URL says anyway. */
    private static String signedHost(String host, String url) {
        boolean said = host == null || url.contains("://" + host.toLowerCase(Locale.ROOT) + "/");
        return said ? null : host;
    }

    /** Signatures come last: over what the others made. */
    private static String sign(
            Candidates.Target target,
            Axis2MessageContext scratch,
            SignableUrl url,
            Supplier<byte[]> body)
            throws Candidates.Unusable {
        MessageContext axis2 = scratch.getAxis2MessageContext();
        Object type = axis2.getProperty(Properties.CONTENT_TYPE);
        boolean json = type == null || type.toString().toLowerCase(Locale.ROOT).contains("json");
        // In any other spelling, or with parameters, the host signs something else than the body.
        axis2.setProperty(Properties.CONTENT_TYPE, JSON);
        byte[] sent = json ? body.get() : null;
        if (!json || !Engine.of().putJson(axis2, sent)) {
            throw new Candidates.Unusable(
                    "its credentials are a signature over the body, which this gateway can make "
                            + "for JSON only"
                            + (json ? ", and could not" : ""));
        }
        // The host signs one property as the path, whatever is in it, and the query of another.
        axis2.setProperty(Properties.URL_POSTFIX, url.path);
        axis2.setProperty(Properties.FULL_PATH, url.pathAndQuery());
        for (Mediator signer : target.signers) {
            apply(signer, scratch);
        }
        Object hash = Headers.copy(axis2.getProperty(Properties.HEADERS)).get(BODY_HASH);
        if (hash != null && !hash.equals(sha256(sent))) {
            throw new Candidates.Unusable("its credentials are a signature over another body");
        }
        if (!url.path.equals(axis2.getProperty(Properties.URL_POSTFIX))) {
            throw new Candidates.Unusable("its credentials change a path that is signed");
        }
        return url.toString();
    }

    private static void apply(Mediator mediator, Axis2MessageContext scratch)
            throws Candidates.Unusable {
        if (!mediator.mediate(scratch)) {
            throw new Candidates.Unusable("its credentials could not be applied");
        }
    }

    private static String sha256(byte[] body) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(body);
            return String.format("%064x", new BigInteger(1, hash));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static boolean isHost(String name) {
        return name.equalsIgnoreCase("Host");
    }
}
