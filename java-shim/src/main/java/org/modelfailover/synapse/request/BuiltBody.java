package org.modelfailover.synapse.request;

import org.apache.axis2.AxisFault;
import org.apache.axis2.context.MessageContext;
import org.apache.axis2.transport.MessageFormatter;
import org.apache.synapse.transport.nhttp.util.MessageFormatterDecoratorFactory;
import org.apache.synapse.transport.passthru.util.PassThroughTransportUtils;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Properties;

import java.io.ByteArrayOutputStream;
import java.io.IOException;

/** A request's body that a mediator has taken out of its pipe. */
public final class BuiltBody {
    private BuiltBody() {}

    /** Whether a mediator before this one has taken the body out of the pipe. */
    static boolean isBuilt(MessageContext axis2) {
        return Boolean.TRUE.equals(axis2.getProperty(Properties.BUILDER_INVOKED));
    }

    /**
     * The body of a request that a mediator has built.
     *
     * @throws IOException when it can't be written
     */
    static byte[] serialise(MessageContext axis2) throws IOException {
        byte[] json = Engine.of().jsonPayload(axis2);
        if (json != null) {
            return json;
        }
        if (Boolean.TRUE.equals(axis2.getProperty(Properties.NO_ENTITY_BODY))) {
            return new byte[0];
        }
        try {
            MessageFormatter formatter =
                    MessageFormatterDecoratorFactory.createMessageFormatterDecorator(axis2);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            formatter.writeTo(axis2, PassThroughTransportUtils.getOMOutputFormat(axis2), out, true);
            return out.toByteArray();
        } catch (AxisFault e) {
            throw new IOException("The request body can't be written: " + e.getMessage(), e);
        }
    }
}
