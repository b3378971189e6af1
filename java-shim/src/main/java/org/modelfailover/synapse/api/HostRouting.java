package org.modelfailover.synapse.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.transport.passthru.util.RelayUtils;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Properties;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

import javax.xml.stream.XMLStreamException;

/**
 * The host's own way to the target, for a gateway without the native library: API Manager's
 * round-robin policy with the target alone to choose from. It names the endpoint, and the API's
 * endpoint sequence asks it. A request for a model that is no target goes on untouched, as always.
 */
final class HostRouting {
    private static final Log LOG = LogFactory.getLog(HostRouting.class);
    private static final String MEDIATOR =
            "org.wso2.carbon.apimgt.gateway.mediators.RoundRobinMediator";

    private final Mediator mediator;

    /** The target's model; null where the section has none. */
    private String production;

    private String sandbox;

    /**
     * @param failoverConfigs as the portal stored it
     */
    HostRouting(String failoverConfigs) {
        mediator = mediator(failoverConfigs);
    }

    private Mediator mediator(String failoverConfigs) {
        try {
            JsonObject configured = JsonParser.parseString(failoverConfigs).getAsJsonObject();
            JsonObject routed = new JsonObject();
            production = target(configured, "production", routed);
            sandbox = target(configured, "sandbox", routed);
            routed.addProperty("suspendDuration", "0");
            Object mediator = Class.forName(MEDIATOR).getDeclaredConstructor().newInstance();
            mediator.getClass()
                    .getMethod("setRoundRobinConfigs", String.class)
                    .invoke(mediator, routed.toString());
            return (Mediator) mediator;
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            LOG.debug("The host can't be told a target", e);
            return null;
        }
    }

    /** The model of a section's target, which becomes the only one to choose from. */
    private static String target(JsonObject configured, String section, JsonObject routed) {
        JsonElement there = configured.get(section);
        JsonObject target =
                there == null || !there.isJsonObject()
                        ? null
                        : there.getAsJsonObject().getAsJsonObject("targetModel");
        if (target == null) {
            return null;
        }
        JsonArray alone = new JsonArray();
        alone.add(target);
        routed.add(section, alone);
        return target.get("model").getAsString();
    }

    /** Names the target of a request. Where that fails, the API's default endpoint is asked. */
    void mediate(MessageContext synCtx) {
        if (mediator == null) {
            return;
        }
        try {
            if (isForTarget(synCtx)) {
                mediator.mediate(synCtx);
            }
        } catch (IOException | XMLStreamException | RuntimeException | LinkageError e) {
            LOG.debug("The host could not be told a target", e);
        }
    }

    /**
     * Whether it names a section's target, in its body or, where the body names none, in its path.
     */
    private boolean isForTarget(MessageContext synCtx) throws IOException, XMLStreamException {
        String target = Properties.isProduction(synCtx) ? production : sandbox;
        if (target == null) {
            return false;
        }
        org.apache.axis2.context.MessageContext axis2 =
                ((Axis2MessageContext) synCtx).getAxis2MessageContext();
        RelayUtils.buildMessage(axis2);
        byte[] body = Engine.of().jsonPayload(axis2);
        JsonElement root =
                body == null
                        ? null
                        : JsonParser.parseString(new String(body, StandardCharsets.UTF_8));
        JsonElement model =
                root != null && root.isJsonObject() ? root.getAsJsonObject().get("model") : null;
        if (model != null) {
            return model.isJsonPrimitive() && model.getAsString().equals(target);
        }
        String path = (String) axis2.getProperty("TransportInURL");
        return path != null && URLDecoder.decode(path, StandardCharsets.UTF_8).contains(target);
    }
}
